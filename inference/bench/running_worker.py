"""A real worker, started as an operator starts it, to be measured from outside."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from inference.bench.processes import no_settings

_LISTENING = re.compile(r"listening address=(http://\S+)")
_READY = re.compile(r"ready model=")
_END_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class RunningWorker:
    """Where a ready worker listens, and how long its start took, in seconds."""

    url: str
    pid: int
    listening_after: float
    ready_after: float
    last_words: list[str]
    """What it has written since, line by line; complete after the block."""


@contextmanager
def running_worker(*flags: str, program: Sequence[str] = ("inference",)) -> Iterator[RunningWorker]:
    """Run a worker on a free port for the duration of the block, ready when the block begins.

    ``program`` is the module, with what comes before the flags.
    Raises ``RuntimeError`` with the worker's own words when it ends before.
    """
    with no_settings() as (folder, environment):
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-m", *program, "--port", "0", "--exit-with-stdin", *flags],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            said: list[str] = []
            address = _wait_for(_LISTENING, process, said)
            listening = time.perf_counter() - began
            _wait_for(_READY, process, said)
            ready = time.perf_counter() - began
            # A full pipe would hold it up.
            last_words: list[str] = []
            reader = threading.Thread(target=last_words.extend, args=(process.stderr,), daemon=True)
            reader.start()
            yield RunningWorker(address[1], process.pid, listening, ready, last_words)
        finally:
            _end(process)
        reader.join()


def _wait_for(pattern: re.Pattern[str], process: subprocess.Popen[str], said: list[str]) -> re.Match[str]:
    if process.stderr is None:
        raise RuntimeError("the worker was started without a pipe")
    for line in process.stderr:
        said.append(line)
        if match := pattern.search(line):
            return match
    raise RuntimeError("the worker ended: " + "".join(said))


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()  # which ends it
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
