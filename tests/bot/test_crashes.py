"""A crash at any instruction loses no request and answers none twice. Real processes die here, on real files."""

import multiprocessing
import os
from pathlib import Path

import pytest

from bot.pipeline import MAX_WORK_ATTEMPTS
from bot.vocabulary import State
from tests.bot import crash_lab
from tests.bot.crash_lab import CRASHED, MESSAGE_ID, STEPS, look
from tests.postgresql import PostgresqlServer

# Forks from a server that has imported everything and has no threads.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.bot.crash_lab"])

ANSWERED = [{"to": MESSAGE_ID, "told": ["result-0.jpg", "result-2.jpg"]}]
FILES = ["ID/result-0.jpg", "ID/result-2.jpg", "ID/input-0", "ID/input-1", "ID/input-2"]

EVERY_LINE = "COLORIZEBOT_TEST_EVERY_LINE"
"""Set it (and a long --timeout) to let the bot die at every single line, which takes some minutes."""


def run_bot(
    folder: Path, url: str, *, step: str | None = None, line: int | None = None, count_into: Path | None = None
) -> int:
    process = _processes.Process(
        target=crash_lab.run, args=(folder, url), kwargs={"step": step, "line": line, "count_into": count_into}
    )
    process.start()
    process.join(60)
    assert process.exitcode is not None, "the bot hangs"
    return process.exitcode


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_a_step_and_again_at_the_next_start(tmp_path: Path, database_url: str, step: str) -> None:
    assert run_bot(tmp_path, database_url, step=step) == CRASHED
    assert run_bot(tmp_path, database_url, step=step) in (CRASHED, 0)
    assert run_bot(tmp_path, database_url) == 0
    assert await look(tmp_path, database_url) == (ANSWERED, State.ANSWERED, FILES)


async def test_a_photo_that_kills_the_bot_again_and_again_is_refused_once(tmp_path: Path, database_url: str) -> None:
    deaths = 0
    while run_bot(tmp_path, database_url, step="after a photo was recolored") == CRASHED:
        deaths += 1
    answers, state, _ = await look(tmp_path, database_url)
    assert deaths == MAX_WORK_ATTEMPTS
    assert (answers, state) == ([{"to": MESSAGE_ID, "told": "gave_up"}], State.REFUSED)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_crash_at_any_line(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    def new_database(folder: Path) -> str:
        if kind == "sqlite":
            return f"sqlite:///{folder / 'ledger.sqlite3'}"
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        return server.new_database()

    count = tmp_path / "lines"
    (tmp_path / "calm").mkdir()
    assert run_bot(tmp_path / "calm", new_database(tmp_path / "calm"), count_into=count) == 0
    lines = int(count.read_text())
    assert lines > 200
    share = 10 if kind == "sqlite" else 4
    for line in range(1, lines + 1, 1 if EVERY_LINE in os.environ else lines // share):
        folder = tmp_path / str(line)
        folder.mkdir()
        # Which of two threads comes first may differ between runs, so the last lines may not be reached.
        url = new_database(folder)
        assert run_bot(folder, url, line=line) == CRASHED or line > lines - 20
        assert run_bot(folder, url) == 0
        assert await look(folder, url) == (ANSWERED, State.ANSWERED, FILES), f"after a crash at line {line}"
