"""The bot's own worker: ``python -m inference`` as a child process on a UNIX socket, started again when it dies.

The child gets a standard input that the bot holds open. Whatever ends the bot, kill -9 included, closes it, and the
child leaves by itself; it never outlives the bot.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import signal
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.problems import OperatorError, ungrouped

_log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 60.0
"""A worker that lived this long is started again without much of a pause."""
_STOP_SECONDS = 10.0
_LAST_WORDS_SECONDS = 1.0
_UNUSABLE_SETTINGS = 2
"""The exit status by which a worker says that starting it again will not help."""
_LONGEST_LINE = 2**20
_LISTENING = ("COLORIZEBOT_WORKER_HOST", "COLORIZEBOT_WORKER_PORT", "COLORIZEBOT_WORKER_SOCKET")
_LOG_FORMAT = {"COLORIZEBOT_WORKER_LOG_FORMAT": "json"}
"""What the worker logs is read here, and logged again as the bot's own settings say."""


@asynccontextmanager
async def embedded_worker(
    *, on_death: Callable[[], None], program: Sequence[str] = (sys.executable, "-m", "inference")
) -> AsyncIterator[Path]:
    """Keep a worker running for as long as the context lasts; yield the UNIX socket that it listens on.

    ``on_death`` is called whenever it died. When it can't run with its settings, the context's body is cancelled and
    ``OperatorError`` raised, as it is at once where PyTorch is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise OperatorError(
            "This installation has no PyTorch, and so no worker of its own: please set COLORIZEBOT_INFERENCE_URL to"
            " the address of one."
        )
    # A socket's path may have about a hundred characters; that of a data folder may have more.
    with tempfile.TemporaryDirectory(prefix="colorizebot-") as folder:
        socket = Path(folder) / "worker.sock"
        command = [*program, "--socket", str(socket), "--exit-with-stdin"]
        with ungrouped():
            async with asyncio.TaskGroup() as tasks:
                supervision = tasks.create_task(_supervise(command, on_death))
                try:
                    yield socket
                finally:
                    supervision.cancel()


async def _supervise(command: Sequence[str], on_death: Callable[[], None]) -> None:
    clock = asyncio.get_running_loop().time
    pause = FIRST_PAUSE_SECONDS
    while True:
        began = clock()
        end = await _live(command)
        if clock() - began > _STEADY_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        _log.warning("the worker %s and is started again in %g s", end, pause)
        on_death()
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def _live(command: Sequence[str]) -> str:
    """Run the worker to its end; return what became of it. Raises ``OperatorError``."""
    try:
        status, last_words = await _run(command)
    except OSError as error:  # too little memory, too many processes or open files: that passes
        return f"could not begin ({error})"
    if status == _UNUSABLE_SETTINGS:
        raise OperatorError(f"The worker can't start: {last_words.removeprefix('colorizebot worker: ')}")
    return f"ended ({_manner(status)})"


async def _run(command: Sequence[str]) -> tuple[int, str]:
    """Run the worker to its end; return its exit status and the last line that it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=_LONGEST_LINE,
        # The machine's own worker may be set to a port; the bot's listens on its socket alone.
        env={name: value for name, value in os.environ.items() if name not in _LISTENING} | _LOG_FORMAT,
        start_new_session=True,  # Ctrl-C is for the bot, which lets the worker finish what is in work
    )
    _log.info("worker started: pid=%d", process.pid)
    said: deque[str] = deque(maxlen=1)
    relay = asyncio.create_task(_relay(process.stdout, said))
    try:
        status = await process.wait()
        await asyncio.wait([relay], timeout=_LAST_WORDS_SECONDS)
        return status, "".join(said)
    finally:
        await _end(process)
        relay.cancel()


async def _relay(output: asyncio.StreamReader | None, said: deque[str]) -> None:
    """Put what the worker logs into the bot's log, under the worker's name."""
    if output is None:
        return
    level = logging.INFO
    async for text in _lines(output):
        facts: dict[str, Any] = {}
        if event := _event(text):
            level, text, facts = event
        if text:
            said.append(text)
            _log.log(level, "worker: %s", text, extra=facts)


async def _lines(output: asyncio.StreamReader) -> AsyncIterator[str]:
    """Yield the lines but the endless ones; those are read, too, lest the worker wait for ever for a reader."""
    while True:
        try:
            line = await output.readline()
        except ValueError:
            continue
        if not line:
            return
        yield line.decode(errors="replace").rstrip()


def _event(line: str) -> tuple[int, str, dict[str, Any]] | None:
    """Read a line of the worker's log; ``None`` for what isn't one, such as what native code says."""
    try:
        fields = json.loads(line)
        level = logging.getLevelNamesMapping()[fields.pop("level").upper()]
        text, event, request_id = fields.pop("message"), fields.pop("event"), fields.pop("request_id", None)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
    trace = fields.get("traceback")
    if trace:
        text = f"{text} | {trace}"
    facts = {name: fact for name, fact in fields.items() if name not in ("time", "logger", "traceback")}
    return level, text, {"event": f"worker: {event}", "request_id": request_id, "facts": facts}


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _manner(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
