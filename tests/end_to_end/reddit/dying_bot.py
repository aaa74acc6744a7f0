"""The whole bot in a process of its own that kills itself (SIGKILL) at a step.

``python -m tests.end_to_end.reddit.dying_bot`` imports the bot once and then forks one process for each order that it
reads, so that dozens of starts don't cost dozens of imports. An order is a line of JSON: folder, environment, step.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Step = tuple[str, str, str]
"""Owner (``module:Class``, or ``http`` for a request on the wire), what (a method; a regular expression that is
searched for in ``METHOD url``), and ``before`` or ``after``."""

_PR_SET_PDEATHSIG = 1
_WARM = ("bot.__main__", "bot.commands.serve", "bot.adapters.reddit", "bot.adapters.web", "praw", "alembic.command")


def main() -> None:
    for module in _WARM:
        import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
        print(child, flush=True)


def _become(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # no bot outlives a test run that was cut short
    os.setsid()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    log = os.open("bot.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["bot"]
    if order["step"]:
        _arm(tuple(order["step"]))
    os._exit(import_module("bot.__main__").main())


def _arm(step: Step) -> None:
    owner, what, moment = step
    if owner == "http":
        _arm_requests(re.compile(what), moment)
        return
    module, _, name = owner.partition(":")
    _wrap(getattr(import_module(module), name), what, moment, lambda *_: True)


def _arm_requests(pattern: re.Pattern[str], moment: str) -> None:
    if pattern.pattern == "websocket":
        _wrap(import_module("websocket"), "create_connection", moment, lambda *_: True)
        return
    adapter = import_module("requests.adapters").HTTPAdapter
    _wrap(adapter, "send", moment, lambda _, request, *__: bool(pattern.search(f"{request.method} {request.url}")))


def _wrap(owner: Any, method: str, moment: str, meets: Callable[..., bool]) -> None:
    original = getattr(owner, method)

    @functools.wraps(original)
    async def dying_task(*arguments: Any, **options: Any) -> Any:
        if moment == "before":
            _die()
        result = await original(*arguments, **options)
        _die()
        return result

    @functools.wraps(original)
    def dying_call(*arguments: Any, **options: Any) -> Any:
        met = meets(*arguments)
        if met and moment == "before":
            _die()
        result = original(*arguments, **options)
        if met:
            _die()
        return result

    setattr(owner, method, dying_task if inspect.iscoroutinefunction(original) else dying_call)


def _die() -> None:
    Path("died").touch()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
