"""Being asked at a terminal whether to go on."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PROGRAM = """
import asyncio
from rich.console import Console
from bot.commands.asking import confirmed

try:
    print("yes" if asyncio.run(confirmed(Console(), "Delete it?", yes=False)) else "no")
except KeyboardInterrupt:
    print("interrupted")
"""


@contextmanager
def asked() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a program that asks; yield it once it has, and the terminal that it listens to."""
    terminal, inside = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=inside, stdout=subprocess.PIPE) as process:
        os.close(inside)
        try:
            assert process.stdout is not None
            assert process.stdout.read(17) == b"Delete it? [y/N] "
            yield process, terminal
        finally:
            process.kill()
            os.close(terminal)


@pytest.mark.parametrize(("typed", "expected"), [("y", "yes"), ("Yes", "yes"), ("", "no"), ("n", "no"), ("yo", "no")])
def test_only_yes_is_yes(typed: str, expected: str) -> None:
    with asked() as (process, terminal):
        os.write(terminal, f"{typed}\n".encode())
        assert process.communicate(timeout=30)[0].decode().strip() == expected


def test_an_interrupt_is_heard_while_the_question_stands() -> None:
    with asked() as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0].decode().strip() == "interrupted"
