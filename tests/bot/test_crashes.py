"""A crash at any instruction loses no request and answers none twice. Real processes die here, on real files."""

import multiprocessing
import os
from pathlib import Path

import pytest

from bot.pipeline import MAX_WORK_ATTEMPTS
from bot.vocabulary import State
from tests.bot import crash_lab
from tests.bot.crash_lab import CRASHED, MESSAGE_ID, STEPS, look

# Forks from a server that has imported everything and has no threads.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.bot.crash_lab"])

ANSWERED = [{"to": MESSAGE_ID, "told": ["result-0.jpg", "result-2.jpg"]}]
FILES = ["ID/result-0.jpg", "ID/result-2.jpg", "ID/input-0", "ID/input-1", "ID/input-2"]

EVERY_LINE = "COLORIZEBOT_TEST_EVERY_LINE"
"""Set it (and a long --timeout) to let the bot die at every single line, which takes some minutes."""


def run_bot(folder: Path, *, step: str | None = None, line: int | None = None, count_into: Path | None = None) -> int:
    process = _processes.Process(
        target=crash_lab.run, args=(folder,), kwargs={"step": step, "line": line, "count_into": count_into}
    )
    process.start()
    process.join(30)
    assert process.exitcode is not None, "the bot hangs"
    return process.exitcode


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_a_step_and_again_at_the_next_start(tmp_path: Path, step: str) -> None:
    assert run_bot(tmp_path, step=step) == CRASHED
    assert run_bot(tmp_path, step=step) in (CRASHED, 0)
    assert run_bot(tmp_path) == 0
    assert await look(tmp_path) == (ANSWERED, State.ANSWERED, FILES)


async def test_a_photo_that_kills_the_bot_again_and_again_is_refused_once(tmp_path: Path) -> None:
    deaths = 0
    while run_bot(tmp_path, step="after a photo was recolored") == CRASHED:
        deaths += 1
    answers, state, _ = await look(tmp_path)
    assert deaths == MAX_WORK_ATTEMPTS
    assert (answers, state) == ([{"to": MESSAGE_ID, "told": "gave_up"}], State.REFUSED)


async def test_a_crash_at_any_line(tmp_path: Path) -> None:
    count = tmp_path / "lines"
    (tmp_path / "calm").mkdir()
    assert run_bot(tmp_path / "calm", count_into=count) == 0
    lines = int(count.read_text())
    assert lines > 200
    for line in range(1, lines + 1, 1 if EVERY_LINE in os.environ else lines // 10):
        folder = tmp_path / str(line)
        folder.mkdir()
        # Which of two threads comes first may differ between runs, so the last lines may not be reached.
        assert run_bot(folder, line=line) == CRASHED or line > lines - 20
        assert run_bot(folder) == 0
        assert await look(folder) == (ANSWERED, State.ANSWERED, FILES), f"after a crash at line {line}"
