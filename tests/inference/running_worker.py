"""A worker as a real process, for tests."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from inference.bench import memory
from inference.bench.family import family_of
from inference.worker.photo_processes.forking import MODULE

_LISTENING_ON_TCP = re.compile(r"listening address=https?://[^:]+:(\d+)")
_ROOT = Path(__file__).parents[2]
_GATE = "gate"
_WAIT_AT_THE_GATE = f"""
import sys

class Gate:
    def find_spec(self, name, path, target=None):
        if name == "inference.worker.engine":
            open("{_GATE}").close()  # comes back when somebody opens it for writing

sys.meta_path.insert(0, Gate())
"""


@contextlib.contextmanager
def stopped(*processes: int) -> Iterator[None]:
    """Have processes stand still during the block."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


class RunningWorker:
    """``python -m inference`` with the given flags; killed at the end of its ``with`` block, if still alive."""

    patience_seconds = 150.0

    def __init__(self, *flags: str | Path, folder: Path) -> None:
        self.folder = folder
        self._output: list[str] = []
        self._grown = threading.Condition()
        own = {name: value for name, value in os.environ.items() if not name.startswith("COLORIZEBOT_")}
        own["PYTHONPATH"] = os.pathsep.join(map(str, self._modules()))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "inference", *map(str, flags)],
            cwd=folder,
            env=own,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def output(self) -> str:
        """What the process has written to standard error so far."""
        with self._grown:
            return "".join(self._output)

    @property
    def port(self) -> int:
        """The TCP port, once it listens."""
        return int(self.wait_for(_LISTENING_ON_TCP)[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, pattern: str | re.Pattern[str]) -> re.Match[str]:
        """Wait until the output holds the pattern."""
        deadline = time.monotonic() + self.patience_seconds
        with self._grown:
            while not (match := re.search(pattern, "".join(self._output))):
                assert self.process.poll() is None or self._reader.is_alive(), f"ended: {''.join(self._output)}"
                assert time.monotonic() < deadline, f"no {pattern} in: {''.join(self._output)}"
                self._grown.wait(0.5)
            return match

    def wait_ready(self) -> Self:
        self.wait_for("ready model=")
        return self

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def wait_end(self, timeout: float = 60) -> int:
        """Return the exit status."""
        status = self.process.wait(timeout)
        self._reader.join(5)
        return status

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(10)
        self._reader.join(5)
        for stream in (self.process.stdin, self.process.stderr):
            if stream is not None:
                stream.close()

    def photo_processes(self) -> list[int]:
        """Those that open photos, and those that fork them."""
        return [pid for pid in family_of(self.process.pid) if MODULE in Path(f"/proc/{pid}/cmdline").read_text()]

    def peak_memory(self) -> int:
        """Return the most bytes of memory resident so far, in all its processes."""
        return sum(map(memory.peak, family_of(self.process.pid)))

    def _modules(self) -> list[Path]:
        """Where it looks for modules first."""
        return [_ROOT]

    def _keep(self, line: str) -> str:
        """What is kept of a line."""
        return line

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._grown:
                self._output.append(self._keep(line))
                self._grown.notify_all()
        with self._grown:
            self._grown.notify_all()


class HeldWorker(RunningWorker):
    """Loads its model only when it is let, so that nobody has to hurry to see it before."""

    def let_load(self) -> None:
        (self.folder / _GATE).open("w").close()

    def _modules(self) -> list[Path]:
        os.mkfifo(self.folder / _GATE)
        modules = self.folder / "modules"
        modules.mkdir()
        (modules / "sitecustomize.py").write_text(_WAIT_AT_THE_GATE)  # which Python imports at its start
        return [modules, *super()._modules()]
