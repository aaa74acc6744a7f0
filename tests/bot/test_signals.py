"""What becomes of a bot whose terminal is closed, in processes with terminals of their own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, os, signal, sys
from bot.signals import at_hangup, until_told_to_stop

if sys.argv[2] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.open(sys.argv[1], os.O_RDWR)  # becomes this session's terminal

async def run():
    heard = asyncio.Event()
    def reload():
        print("reloaded", flush=True)
        heard.set()
    with until_told_to_stop(lambda: print("told to stop", flush=True)), at_hangup(reload):
        print("ready", flush=True)
        await heard.wait()

asyncio.run(run())
"""


@pytest.mark.parametrize(("how", "expected"), [("plain", "told to stop\n"), ("nohup", "reloaded\n")])
def test_a_closed_terminal_stops_the_bot_unless_it_was_started_to_outlive_it(how: str, expected: str) -> None:
    terminal, inside = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, os.ttyname(inside), how],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.close(inside)
        os.close(terminal)
        assert process.communicate(timeout=30)[0] == expected
        assert process.returncode == 0
