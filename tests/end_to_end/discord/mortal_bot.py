"""``python -m bot`` that kills itself (SIGKILL) at a step of its work, once SIGUSR1 has armed it.

A step that begins with ``at once`` needs no arming.

    python -m tests.end_to_end.discord.mortal_bot "before bot.ledger.ledger:Ledger.claim"
    python -m tests.end_to_end.discord.mortal_bot "after POST /channels/\\d+/messages$"
    python -m tests.end_to_end.discord.mortal_bot "line 17"

``line n`` is the n-th distinct line of the bot's own code that is executed after arming; ``line 0`` kills nothing but
writes how many there were to ``lines.txt`` when the process ends.
"""

from __future__ import annotations

import atexit
import importlib
import os
import re
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import aiohttp

import bot
from bot.__main__ import main

_BOT = Path(bot.__file__).parent
_TRACED = (str(_BOT / "adapters" / "discord"), str(_BOT / "pipeline.py"), str(_BOT / "intake.py"))


class Fate:
    """When to die."""

    def __init__(self) -> None:
        self.armed = False

    def die(self) -> None:
        if self.armed:
            os.kill(os.getpid(), signal.SIGKILL)

    def at_method(self, moment: str, place: str) -> None:
        """Die before or after ``module:Class.method``."""
        module, _, path = place.partition(":")
        name, _, method = path.partition(".")
        owner = getattr(importlib.import_module(module), name)
        original = getattr(owner, method)

        async def dying(*arguments: Any, **options: Any) -> Any:
            if moment == "before":
                self.die()
            result = await original(*arguments, **options)
            self.die()
            return result

        setattr(owner, method, dying)

    def at_call(self, moment: str, method: str, path: str) -> None:
        """Die before a call to Discord, or when its answer is there but not read."""
        original = aiohttp.ClientSession._request

        async def dying(session: aiohttp.ClientSession, called: str, url: Any, **options: Any) -> Any:
            meant = called == method and re.search(path, str(url).partition("?")[0]) is not None
            if meant and moment == "before":
                self.die()
            response = await original(session, called, url, **options)
            if meant:
                self.die()
            return response

        aiohttp.ClientSession._request = dying  # type: ignore[method-assign]

    def at_line(self, number: int) -> None:
        """Die at a line that is executed for the first time after arming."""
        seen: set[tuple[str, int]] = set()

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            if not frame.f_code.co_filename.startswith(_TRACED):
                return None
            line = (frame.f_code.co_filename, frame.f_lineno)
            if event == "line" and line not in seen:
                seen.add(line)
                if len(seen) == number:
                    self.die()
            return trace

        def begin(*_: object) -> None:
            self.armed = True
            threading.settrace(trace)
            sys.settrace(trace)

        signal.signal(signal.SIGUSR1, begin)
        atexit.register(lambda: Path("lines.txt").write_text(str(len(seen))))

    def arm(self, *_: object) -> None:
        self.armed = True


if __name__ == "__main__":
    fate, step = Fate(), sys.argv.pop(1)
    signal.signal(signal.SIGUSR1, fate.arm)
    fate.armed, step = step.startswith("at once "), step.removeprefix("at once ")
    kind, _, rest = step.partition(" ")
    if kind == "line":
        fate.at_line(int(rest))
    elif ":" in rest:
        fate.at_method(kind, rest)
    else:
        fate.at_call(kind, *rest.split(" ", 1))
    sys.exit(main())
