"""Asking the operator before something is done that can't be undone."""

from __future__ import annotations

import asyncio
import sys

from rich.console import Console

from bot.problems import OperatorError

_YES = {"y", "yes"}


async def confirmed(console: Console, question: str, *, yes: bool) -> bool:
    """Return whether to go on. Raises ``OperatorError`` when there is nobody to ask and ``yes`` wasn't said before."""
    if yes:
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise OperatorError("There is nobody to ask whether to go on; add --yes, or --dry-run to look only.")
    console.print(f"{question} [y/N] ", end="", highlight=False, markup=False, soft_wrap=True)
    await _readable(sys.stdin.fileno())
    return sys.stdin.readline().strip().lower() in _YES


async def _readable(file: int) -> None:
    """Wait for a line; a thread that reads one could not be told to stop, and Ctrl-C would wait for it."""
    loop, there = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(file, there.set)
    try:
        await there.wait()
    finally:
        loop.remove_reader(file)
