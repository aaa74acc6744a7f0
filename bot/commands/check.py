"""``python -m bot check``: is everything in order, and what could be set next."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.assembly import database_url
from bot.commands.ledger_there import condition_of_ledger
from bot.configuration import renamed_settings, unknown_settings
from bot.findings import Finding, Verdict
from bot.ledger.engine import shown
from bot.ledger.schema import known_revisions
from bot.orders import Check
from bot.platforms import PLATFORMS
from bot.problems import OperatorError
from bot.settings import ENV_FILE, TOML_FILE, Settings
from bot.worker import open_worker
from bot.worker_access import shown_address
from inference.client import WorkerLost
from inference.problems import Problem

_OWN_WORKER_PATIENCE_SECONDS = 180.0
_OTHER_WORKER_PATIENCE_SECONDS = 5.0
_PLAIN_WIDTH = 200
_LONG_LINK = 60
_GIB = 2**30
_TOO_LITTLE_SPACE = _GIB // 2
_LITTLE_SPACE = 5 * _GIB

_STYLES = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.OFF: "dim", Verdict.PROBLEM: "bold red"}


async def check(settings: Settings, console: Console, wanted: Check) -> int:
    """Print what was found; return 1 when something has to be put right, else 0."""
    with Console(stderr=True).status("looking around; a worker takes a few seconds to warm up"):
        findings = [finding async for finding in _findings(settings)]
    if wanted.as_json:
        console.print_json(json.dumps([dataclasses.asdict(finding) for finding in findings]))
    else:
        _print(findings, console)
    return 1 if any(finding.verdict is Verdict.PROBLEM for finding in findings) else 0


def _print(findings: list[Finding], console: Console) -> None:
    table = Table("", "", "found", "what to do or set next", title="colorizebot", title_justify="left")
    for finding in findings:
        verdict = Text(finding.verdict, style=_STYLES[finding.verdict])
        table.add_row(finding.part, verdict, finding.state, finding.next_step)
    wide = console if console.is_terminal else Console(width=_PLAIN_WIDTH, markup=False, emoji=False)
    wide.print(table)
    for link in _long_links(findings):
        wide.print(link, soft_wrap=True, highlight=False)


def _long_links(findings: list[Finding]) -> list[str]:
    """Return what the table cuts off and nobody could copy from there."""
    words = (word for finding in findings for word in finding.next_step.split())
    return [word for word in words if word.startswith("https://") and len(word) > _LONG_LINK]


async def _findings(settings: Settings) -> AsyncIterator[Finding]:
    yield Finding("settings", Verdict.OK, f"read from {await asyncio.to_thread(_sources)}")
    for sentence in (*unknown_settings(), *renamed_settings()):
        yield Finding("settings", Verdict.NOTE, sentence)
    folder = await asyncio.to_thread(_data_folder, settings.data_dir)
    yield folder
    if folder.verdict is Verdict.OK:
        yield await asyncio.to_thread(_space, settings.data_dir)
    yield await _database(settings)
    yield _retention(settings)
    yield await _worker(settings)
    for platform in PLATFORMS:
        for finding in await platform.examine(settings):
            yield finding


def _sources() -> str:
    files = [name for name in (ENV_FILE, TOML_FILE) if Path(name).is_file()]
    return ", ".join(["the environment", *files])


def _data_folder(folder: Path) -> Finding:
    try:
        there = _nearest(folder)
        if there == folder:
            tempfile.TemporaryFile(dir=folder).close()  # rights alone don't tell of file systems that are read-only
        elif not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
            raise PermissionError(0, "Permission denied")
    except OSError as error:
        state = f"{folder} can't be written to ({error.strerror})"
        return Finding("data folder", Verdict.PROBLEM, state, "let COLORIZEBOT_DATA_DIR name a folder that can")
    return Finding("data folder", Verdict.OK, str(folder) + ("" if there == folder else " (made at the first start)"))


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(_nearest(folder)).free
    state = f"{free / _GIB:.1f} GiB free"
    if free < _TOO_LITTLE_SPACE:
        cure = "make room, or let COLORIZEBOT_DATA_DIR name a folder elsewhere"
        return Finding("disk", Verdict.PROBLEM, f"only {state}", cure)
    if free < _LITTLE_SPACE:
        return Finding("disk", Verdict.NOTE, state, "keep photos for a while only: COLORIZEBOT_RETENTION__RESULT_DAYS")
    return Finding("disk", Verdict.OK, state)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the one above it in which it would be made."""
    return next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())


def _retention(settings: Settings) -> Finding:
    kept = {platform.name: settings.retention.days_of(platform.name) for platform in PLATFORMS}
    if len(set(kept.values())) == 1:
        kept = {"": kept["web"]}
    parts = [
        f"{name}{': ' if name else ''}photos {_days(photos)}, requests {_days(requests)}"
        for name, (photos, requests) in kept.items()
    ]
    return Finding("kept for", Verdict.OK, "; ".join(parts), "COLORIZEBOT_RETENTION__RESULT_DAYS, __REQUEST_DAYS")


def _days(days: float) -> str:
    return "for ever" if math.isinf(days) else f"{days:g} days"


async def _database(settings: Settings) -> Finding:
    try:
        condition = await condition_of_ledger(settings)
    except OperatorError as error:
        return Finding("database", Verdict.PROBLEM, str(error))
    schema = f"schema {known_revisions()[0]}, {condition}"
    return Finding("database", Verdict.OK, f"{shown(database_url(settings))}: {schema}")


async def _worker(settings: Settings) -> Finding:
    own = settings.inference_url is None
    where = "the bot's own" if own else shown_address(settings)
    patience = _OWN_WORKER_PATIENCE_SECONDS if own else _OTHER_WORKER_PATIENCE_SECONDS
    try:
        async with open_worker(settings, on_death=_do_nothing) as client:
            await client.wait_ready(patience)
            model = await client.model()
    except OperatorError as error:
        return Finding("worker", Verdict.PROBLEM, str(error))
    except (WorkerLost, Problem) as error:
        cure = "see its log" if own else "start it, or unset COLORIZEBOT_INFERENCE_URL to use the bot's own"
        return Finding("worker", Verdict.PROBLEM, f"{where}: {error}", cure)
    hint = "another one, say with a GPU: COLORIZEBOT_INFERENCE_URL" if own else ""
    return Finding("worker", Verdict.OK, f"{where}: {model.get('name')} on {model.get('device')}", hint)


def _do_nothing() -> None:
    pass
