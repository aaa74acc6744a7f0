"""A bot that dies on purpose: at a named step, or at the n-th line of its own code.

`run` is one run of the bot, to be called in a process of its own. The platform is a folder: `inbox` holds one message,
which it shows at every start as platforms do until they hear of an answer, and `outbox.txt` gets the answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import bot
from bot.adapters import Located
from bot.assembly import make_dispatcher, make_pipeline
from bot.fetching import Fetcher
from bot.intake import Intake
from bot.lease import keep_lease
from bot.ledger import Ledger
from bot.recolorer import Recolorer
from bot.settings import Settings
from bot.storage import Storage
from bot.vocabulary import Answer, Outcome, Request, State
from tests.bot.stand_ins import House, open_house

CRASHED = 9
PHOTOS = ("first", "broken", "third")
MESSAGE_ID = "message-1"
LEASE_SECONDS = 0.3
"""On PostgreSQL, so long after a crash the next run goes on with what the last one left."""

_BOT = str(Path(bot.__file__).parent)


class Outbox:
    """A platform where every answer is a line; like a platform's it doesn't mind the same answer twice."""

    name = "mail"

    def __init__(self, file: Path) -> None:
        self.file = file

    async def run(self, intake: Intake, announce: Callable[[str], None]) -> None:
        raise NotImplementedError

    async def locate(self, request: Request) -> Located:
        return Located(request.images)

    async def answer(self, request: Request, outcome: Outcome) -> str:
        if request.message_id not in [answer["to"] for answer in self.answers()]:
            told = [result.file for result in outcome.results] if isinstance(outcome, Answer) else outcome.reason
            with self.file.open("a") as file:
                file.write(json.dumps({"to": request.message_id, "told": told}) + "\n")
                file.flush()
                os.fsync(file.fileno())
        return f"answer to {request.message_id}"

    def answers(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []


STEPS: dict[str, tuple[type, str, str]] = {
    "before a photo is stored": (Storage, "save_input", "before"),
    "after a photo was stored": (Storage, "save_input", "after"),
    "before the ledger takes the request": (Ledger, "record", "before"),
    "after the ledger took the request": (Ledger, "record", "after"),
    "before an attempt begins": (Ledger, "claim", "before"),
    "after an attempt began": (Ledger, "claim", "after"),
    "before a photo is recolored": (Recolorer, "recolor", "before"),
    "after a photo was recolored": (Recolorer, "recolor", "after"),
    "before a result is kept": (Storage, "save_picture", "before"),
    "after a result was kept": (Storage, "save_picture", "after"),
    "before it is decided": (Ledger, "decided", "before"),
    "after it was decided": (Ledger, "decided", "after"),
    "before it is answered": (Outbox, "answer", "before"),
    "after it was answered": (Outbox, "answer", "after"),
    "before the answer is noted": (Ledger, "delivered", "before"),
    "after the answer was noted": (Ledger, "delivered", "after"),
}


def run(
    folder: Path,
    database_url: str,
    *,
    step: str | None = None,
    line: int | None = None,
    count_into: Path | None = None,
) -> None:
    """Run the bot until nothing is left to do, or it dies with exit status ``CRASHED``.

    ``line`` counts the distinct lines of the bot's code in the order of their first execution.
    """
    if step is not None:
        _die_at_step(*STEPS[step])
    lines: set[tuple[str, int]] = set()
    if line is not None or count_into is not None:
        _die_at_line(line, lines)
    asyncio.run(_live(folder, database_url))
    if count_into is not None:
        count_into.write_text(str(len(lines)))


async def _live(folder: Path, database_url: str) -> None:
    settings = Settings().model_copy(update={"lease_seconds": LEASE_SECONDS})
    async with open_house(folder, settings, database_url=database_url) as house:
        outbox = Outbox(folder / "outbox.txt")
        async with Fetcher(house.parts.settings.fetch) as fetcher:
            dispatcher = make_dispatcher(house.parts, make_pipeline(house.parts, fetcher, {"mail": outbox}))
            ledger = house.parts.ledger
            await house.parts.storage.sweep(
                kept=await ledger.ids(deleted=False), deleted=await ledger.ids(deleted=True)
            )
            await dispatcher.resume({"mail"})
            working = asyncio.create_task(dispatcher.run())
            keeping = asyncio.create_task(keep_lease(ledger, dispatcher, {"mail"}))
            await _show_the_message(house)
            while await ledger.unfinished():
                await asyncio.sleep(0.005)
            working.cancel()
            keeping.cancel()
            await dispatcher.stop(grace_seconds=5)


async def _show_the_message(house: House) -> None:
    if await house.parts.ledger.by_message("mail", MESSAGE_ID) is None:
        await house.parts.intake.submit(await house.upload(*PHOTOS, message_id=MESSAGE_ID))


def _die_at_step(owner: type, method: str, moment: str) -> None:
    original = getattr(owner, method)

    async def dying(*arguments: Any, **options: Any) -> Any:
        if moment == "after":
            await original(*arguments, **options)
        os._exit(CRASHED)

    setattr(owner, method, dying)


def _die_at_line(line: int | None, lines: set[tuple[str, int]]) -> None:
    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        file = frame.f_code.co_filename
        if not file.startswith(_BOT) and frame.f_code is not Outbox.answer.__code__:
            return None
        if event == "line" and (file, frame.f_lineno) not in lines:
            lines.add((file, frame.f_lineno))
            if len(lines) == line:
                os._exit(CRASHED)
        return trace

    threading.settrace(trace)
    sys.settrace(trace)


async def look(folder: Path, database_url: str) -> tuple[list[dict[str, Any]], State, list[str]]:
    """Return the answers that were given, the request's state, and the stored files, by their paths.

    A crash while a file is being written leaves its ``*.part``, which goes with the folder.
    """
    async with open_house(folder, database_url=database_url) as house:
        entry = await house.parts.ledger.by_message("mail", MESSAGE_ID)
    assert entry is not None
    requests = folder / "requests"
    files = sorted(str(file.relative_to(requests)) for file in requests.rglob("*.*") if file.suffix != ".part")
    files += sorted(str(file.relative_to(requests)) for file in requests.rglob("input-*"))
    return Outbox(folder / "outbox.txt").answers(), entry.state, [f.replace(entry.request.id, "ID") for f in files]
