"""``python -m bot check``: is everything in order, and what could be set next."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.assembly import database_url
from bot.configuration import renamed_settings, unknown_settings
from bot.findings import Finding, Verdict
from bot.ledger.engine import shown
from bot.ledger.opening import Condition, examine
from bot.platforms import PLATFORMS
from bot.problems import OperatorError
from bot.settings import Settings
from bot.worker import open_worker
from inference.client import WorkerLost
from inference.problems import Problem

_OWN_WORKER_PATIENCE_SECONDS = 180.0
_OTHER_WORKER_PATIENCE_SECONDS = 5.0
_PLAIN_WIDTH = 200
_LONG_LINK = 60


_STYLES = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.OFF: "dim", Verdict.PROBLEM: "bold red"}


async def check(settings: Settings, console: Console) -> int:
    """Print a table of what was found; return 1 when something has to be put right, else 0."""
    with console.status("looking around; a worker takes a few seconds to warm up"):
        findings = [finding async for finding in _findings(settings)]
    table = Table("", "", "found", "what to do or set next", title="colorizebot", title_justify="left")
    for finding in findings:
        style = _STYLES[finding.verdict]
        table.add_row(finding.part, f"[{style}]{finding.verdict}[/]", finding.state, finding.next_step)
    wide = console if console.is_terminal else Console(width=_PLAIN_WIDTH)
    wide.print(table)
    for link in _long_links(findings):
        wide.print(link, soft_wrap=True, highlight=False)
    return 1 if any(finding.verdict is Verdict.PROBLEM for finding in findings) else 0


def _long_links(findings: list[Finding]) -> list[str]:
    """Return what the table cuts off and nobody could copy from there."""
    words = (word for finding in findings for word in finding.next_step.split())
    return [word for word in words if word.startswith("https://") and len(word) > _LONG_LINK]


async def _findings(settings: Settings) -> AsyncIterator[Finding]:
    for sentence in (*unknown_settings(), *renamed_settings()):
        yield Finding("settings", Verdict.NOTE, sentence)
    yield await asyncio.to_thread(_data_folder, settings.data_dir)
    yield await _database(settings)
    yield await _worker(settings)
    for platform in PLATFORMS:
        for finding in await platform.examine(settings):
            yield finding


def _data_folder(folder: Path) -> Finding:
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        return Finding("data folder", Verdict.PROBLEM, f"{folder} can't be written to", "set COLORIZEBOT_DATA_DIR")
    return Finding("data folder", Verdict.OK, str(folder) + ("" if there == folder else " (made at the first start)"))


async def _database(settings: Settings) -> Finding:
    in_new_folder = settings.database_url is None and not await asyncio.to_thread(settings.data_dir.exists)
    try:
        condition = Condition.NEW if in_new_folder else await examine(database_url(settings))
    except OperatorError as error:
        return Finding("database", Verdict.PROBLEM, str(error))
    return Finding("database", Verdict.OK, f"{shown(database_url(settings))}: {condition}")


async def _worker(settings: Settings) -> Finding:
    own = settings.inference_url is None
    where = "the bot's own" if own else str(settings.inference_url)
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
