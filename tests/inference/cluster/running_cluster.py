"""A cluster as a real process, with all its processes, for tests."""

from __future__ import annotations

import contextlib
import re
import subprocess
from pathlib import Path

from tests.inference.running_worker import RunningWorker

_WHOSE = re.compile(r"^\((?:\w+:)*(?P<part>\w+) pid=(?P<pid>\d+)[^)]*\) ")
"""What Ray puts before the lines of other processes."""

_END_SECONDS = 20.0


class RunningCluster(RunningWorker):
    """``python -m inference cluster`` with the given flags; its output is that of all its processes."""

    patience_seconds = 400.0
    """Ray starts a dozen processes; on two cores, beside other tests, that has taken over two minutes."""

    def __init__(self, *flags: str | Path, folder: Path) -> None:
        self._pids: dict[str, list[int]] = {}
        super().__init__("cluster", *flags, folder=folder)

    def wait_ready(self) -> RunningCluster:
        # The first is a replica's, the second the ingress': then photos are taken.
        self.wait_for(r"ready model=(.|\n)*ready model=")
        return self

    def pids(self, part: str) -> list[int]:
        """The processes of a deployment, ``Ingress`` or ``Replica``, that have said something so far, in order."""
        return self._pids.get(part, [])

    def kill(self) -> None:
        # Killed, it leaves some of Ray's processes to find out by and by.
        if self.process.poll() is None:
            self.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_END_SECONDS)
        super().kill()

    def _keep(self, line: str) -> str:
        if (match := _WHOSE.match(line)) is None:
            return line
        known = self._pids.setdefault(match["part"], [])
        if int(match["pid"]) not in known:
            known.append(int(match["pid"]))
        return line[match.end() :]
