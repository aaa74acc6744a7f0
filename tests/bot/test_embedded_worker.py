"""The worker as a child: started, watched, started again, stopped, and never left behind. Real processes."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from bot import embedded_worker as module
from bot.embedded_worker import embedded_worker
from bot.problems import OperatorError

# Says its process id and its arguments, and leaves when its standard input closes.
FAITHFUL = """
import os, sys
print('{"level": "warning", "event": "pid", "message": "pid=%d", "request_id": "abc"}' % os.getpid(), flush=True)
print("arguments", *sys.argv[1:], flush=True)
while os.read(0, 1024):
    pass
"""


def program(source: str) -> tuple[str, ...]:
    return (sys.executable, "-c", textwrap.dedent(source))


def pids(caplog: pytest.LogCaptureFixture) -> list[int]:
    return [int(line.partition("worker: pid=")[2]) for line in caplog.messages if "worker: pid=" in line]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan may stay on as a zombie where process 1 doesn't care for it.
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def until_started(caplog: pytest.LogCaptureFixture, times: int) -> int:
    async with asyncio.timeout(60):
        while len(pids(caplog)) < times:
            await asyncio.sleep(0.01)
    return pids(caplog)[-1]


@pytest.fixture(autouse=True)
def see_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


async def test_a_worker_runs_for_as_long_as_the_context(caplog: pytest.LogCaptureFixture) -> None:
    async with embedded_worker(on_death=lambda: None, program=program(FAITHFUL)) as socket:
        pid = await until_started(caplog, 1)
        assert is_running(pid)
        assert os.getpgid(pid) != os.getpgid(0), "Ctrl-C is for the bot alone"
        assert len(str(socket)) < 100
        folder = socket.parent
        assert folder.is_dir()
    assert not is_running(pid)
    assert not folder.exists()


async def test_what_it_logs_is_in_the_bots_log_at_its_level(caplog: pytest.LogCaptureFixture) -> None:
    async with embedded_worker(on_death=lambda: None, program=program(FAITHFUL)) as socket:
        await until_started(caplog, 1)
        while not any("arguments" in line for line in caplog.messages):
            await asyncio.sleep(0.01)
    told = {record.message: record.levelno for record in caplog.records}
    assert told[f"worker: arguments --socket {socket} --exit-with-stdin"] == logging.WARNING
    assert [level for line, level in told.items() if "worker: pid=" in line] == [logging.WARNING]
    followed = {record.message.partition("=")[0]: getattr(record, "request_id", None) for record in caplog.records}
    assert followed["worker: pid"] == "abc"


async def test_whatever_it_says_is_read_so_that_it_never_waits_for_a_reader(caplog: pytest.LogCaptureFixture) -> None:
    talkative = """
    print("x" * (3 << 20), flush=True)
    print("[" * 100_000, flush=True)
    for number in range(10_000):
        print("said", number, flush=True)
    input()
    """
    async with asyncio.timeout(60), embedded_worker(on_death=lambda: None, program=program(talkative)):
        while "worker: said 9999" not in caplog.messages:
            await asyncio.sleep(0.01)


async def test_a_worker_that_can_not_begin_is_tried_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.05)
    away = tmp_path / "python"
    async with embedded_worker(on_death=lambda: None, program=(str(away), *program(FAITHFUL)[1:])):
        while "could not begin" not in caplog.text:
            await asyncio.sleep(0.01)
        away.symlink_to(sys.executable)
        await until_started(caplog, 1)


async def test_it_does_not_listen_where_another_worker_is_set_to(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORIZEBOT_WORKER_PORT", "8090")
    monkeypatch.setenv("COLORIZEBOT_WORKER_DEVICE", "cpu")
    source = FAITHFUL.replace(
        '"arguments", *sys.argv[1:]', '"told", *sorted(n for n in os.environ if n.startswith("COLORIZEBOT_WORKER"))'
    )
    async with embedded_worker(on_death=lambda: None, program=program(source)):
        await until_started(caplog, 1)
        async with asyncio.timeout(60):
            while not any("told" in message for message in caplog.messages):
                await asyncio.sleep(0.01)
    assert "worker: told COLORIZEBOT_WORKER_DEVICE COLORIZEBOT_WORKER_LOG_FORMAT" in caplog.messages


async def test_a_killed_worker_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    deaths: Counter[str] = Counter()
    async with embedded_worker(on_death=lambda: deaths.update(["death"]), program=program(FAITHFUL)):
        first = await until_started(caplog, 1)
        os.kill(first, signal.SIGKILL)
        second = await until_started(caplog, 2)
        assert second != first
        assert is_running(second)
    assert deaths["death"] == 1
    assert "the worker ended (killed by SIGKILL) and is started again in 0.5 s" in caplog.text


async def test_pauses_grow_while_it_dies_at_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.06)
    died = asyncio.Semaphore(0)
    async with embedded_worker(on_death=died.release, program=program("raise SystemExit(1)")):
        for _ in range(4):
            await asyncio.wait_for(died.acquire(), 60)
    pauses = [line.rpartition(" in ")[2] for line in caplog.messages if "started again" in line]
    assert pauses[:4] == ["0.02 s", "0.04 s", "0.06 s", "0.06 s"]


async def test_a_worker_that_cannot_start_ends_the_bot_with_its_own_words() -> None:
    complaint = "import sys; print('colorizebot worker: there are no weights.', file=sys.stderr); sys.exit(2)"

    async def bot() -> None:
        async with embedded_worker(on_death=lambda: None, program=program(complaint)):
            await asyncio.Event().wait()

    with pytest.raises(OperatorError, match=r"^The worker can't start: there are no weights\.$"):
        await asyncio.wait_for(bot(), 60)


async def test_an_error_of_the_body_stops_the_worker_and_stays_itself(caplog: pytest.LogCaptureFixture) -> None:
    async def bot() -> None:
        async with embedded_worker(on_death=lambda: None, program=program(FAITHFUL)):
            await until_started(caplog, 1)
            raise OperatorError("the port is taken")

    with pytest.raises(OperatorError, match="the port is taken"):
        await bot()
    assert not is_running(pids(caplog)[0])


async def test_a_worker_that_will_not_stop_is_killed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STOP_SECONDS", 0.2)
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FAITHFUL
    async with embedded_worker(on_death=lambda: None, program=program(stubborn)):
        pid = await until_started(caplog, 1)
    assert not is_running(pid)


def test_a_worker_never_outlives_a_killed_bot(tmp_path: Path) -> None:
    bot = """
        import asyncio, logging, sys
        from bot.embedded_worker import embedded_worker
        logging.basicConfig(level="INFO", stream=sys.stdout, format="%(message)s")
        async def main():
            async with embedded_worker(on_death=lambda: None, program=(sys.executable, "-c", sys.argv[1])):
                await asyncio.sleep(60)
        asyncio.run(main())
    """
    process = subprocess.Popen([*program(bot), FAITHFUL], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = next(line for line in process.stdout if "worker: pid=" in line)
    pid = int(line.partition("pid=")[2])
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    # The kernel closed its standard input; wait for its end on the pipe that only it may still hold open.
    for _ in range(3000):
        if not is_running(pid):
            return
        signal.sigtimedwait([], 0.02)
    pytest.fail("the worker is still running")
