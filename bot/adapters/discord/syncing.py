"""Telling Discord about the commands, only when they changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from pathlib import Path
from typing import Any

import discord
from discord import app_commands

from bot.adapters import TryLater
from bot.adapters.discord.rest import Rest

_log = logging.getLogger(__name__)

_FILE = "discord-commands.json"
_PAUSES_SECONDS = (5.0, 30.0, 120.0, 600.0)


async def keep_commands(tree: app_commands.CommandTree[Any], application_id: int, rest: Rest, folder: Path) -> None:
    """Make Discord's list of the commands ours, trying again for a while when it has trouble."""
    payload = [command.to_dict(tree) for command in tree.get_commands()]
    for pause in _PAUSES_SECONDS:
        try:
            await _sync(payload, application_id, rest, folder)
        except TryLater as error:
            _log.warning("the commands can't be told to Discord yet (%s)", error)
            await asyncio.sleep(pause)
        except discord.HTTPException as error:
            _log.error("Discord refuses the commands: status=%d code=%d", error.status, error.code)
            return
        else:
            return


async def _sync(payload: list[dict[str, Any]], application_id: int, rest: Rest, folder: Path) -> None:
    file = folder / _FILE
    ours = {"application": str(application_id), "commands": _digest(payload)}
    if await asyncio.to_thread(_read, file) == ours and await _still_there(payload, application_id, rest):
        _log.info("the commands on Discord are up to date")
        return
    await rest.put_commands(application_id, payload)
    await asyncio.to_thread(_write, file, ours)
    _log.info("told Discord about the commands: commands=%d", len(payload))


async def _still_there(payload: list[dict[str, Any]], application_id: int, rest: Rest) -> bool:
    try:
        names = await rest.command_names(application_id)
    except discord.HTTPException as error:
        _log.info("Discord doesn't list the commands: status=%d", error.status)
        return True
    return names == {command["name"] for command in payload}


def _digest(payload: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def _read(file: Path) -> object:
    try:
        return json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{secrets.token_hex(4)}.part")  # others may be writing, too
    part.write_text(json.dumps(content))
    part.replace(file)
