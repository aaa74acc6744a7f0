"""Starts bots that will die, and bots that won't, without the cost of importing everything each time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.end_to_end.reddit.dying_bot import Step
from tests.end_to_end.running_bot import ROOT, environment

PATIENCE = 45.0
TIMEOUT_SECONDS = 1.5
"""How long these bots wait for an answer of Reddit's."""


class Nursery:
    """A process that forks bots; all of them are killed at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bots: list[int] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.reddit.dying_bot"],
            cwd=ROOT,
            env={**environment(ROOT), "OPENBLAS_NUM_THREADS": "1", "prawcore_timeout": str(TIMEOUT_SECONDS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for bot in self._bots:
            self.kill(bot)
        self._process.kill()
        self._process.wait(10)

    def start(self, folder: Path, settings: dict[str, str], step: Step | None = None) -> int:
        """Start a bot that logs into ``bot.log`` in ``folder``; return its process id."""
        order = {"folder": str(folder), "environment": environment(folder, **settings), "step": step}
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            bot = int(self._process.stdout.readline())
            self._bots.append(bot)
        return bot

    @staticmethod
    def alive(bot: int) -> bool:
        try:
            os.kill(bot, 0)
        except ProcessLookupError:
            return False
        return True

    @classmethod
    def kill(cls, bot: int) -> None:
        """Kill a bot, and wait until it has let go of its folder and its port: the next one wants both."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(bot, signal.SIGKILL)
        until(lambda: not cls.alive(bot), "the death")


def until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.05)
