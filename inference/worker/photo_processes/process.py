"""One photo process, as the worker sees it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Self, TypeVar

from inference.imaging import Limits
from inference.problems import OutOfMemory, Problem
from inference.worker import log
from inference.worker.photo_processes.fork_server import ForkServer
from inference.worker.photo_processes.messages import BadMessage, Blob, Header, packed, read

KILLED = "killed by SIGKILL"
"""How a process died that the system, or an operator, has killed."""

_READ_AHEAD = 2**22
_WRONG_DOCUMENT = ArithmeticError, AttributeError, LookupError, TypeError, ValueError

_Result = TypeVar("_Result")


class ProcessDied(Exception):  # noqa: N818 - it says what happened
    """The process that had the photo is gone; another can begin again with the file."""

    def __init__(self, manner: str, *, of_this_photo: bool) -> None:
        """Tell how it died, and whether this photo was what it worked on."""
        super().__init__(manner)
        self.manner = manner
        self.of_this_photo = of_this_photo


class ProcessFailed(Exception):  # noqa: N818 - it says what happened
    """A bug showed in a photo process; the message is its traceback."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What each process is given at its start."""

    limits: Limits
    memory_bytes: int
    """The most memory that it may have."""
    seconds: float
    """The longest that one step of one photo may take; then the process is killed."""
    profile: bool = False
    """Whether it is to watch where its time goes."""


class PhotoProcess:
    """A process that has one question at a time."""

    def __init__(
        self, fork_server: ForkServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
    ) -> None:
        """Talk to the process at the other end; see ``start``."""
        self.is_dead = False
        self.under_way: deque[asyncio.Future[PhotoProcess]] = deque()
        """Those who wait for it because it holds their photos."""
        self._fork_server = fork_server
        self._reader = reader
        self._writer = writer
        self._seconds = seconds
        self.pid = 0
        """Zero until it has told."""

    @classmethod
    async def start(cls, fork_server: ForkServer, niceness: int, bounds: Bounds) -> Self:
        """Have a process forked; raises ``OSError`` and ``ProcessDied``."""
        connection = fork_server.fork(niceness)
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=_READ_AHEAD)
        process = cls(fork_server, reader, writer, bounds.seconds)
        first = {"limits": asdict(bounds.limits), "memory_bytes": bounds.memory_bytes, "profile": bounds.profile}
        process.pid, missing = await process.ask(first, [], lambda who, _: (int(who["pid"]), list(who["missing"])))
        unprotected = "; ".join(map(str, missing))
        log.event("photo_process_started", pid=process.pid, niceness=niceness, unprotected=unprotected or "nowhere")
        return process

    def look_whether_it_lives(self) -> bool:
        """Tell whether it lives; one that died with nothing to do must not be blamed on the next photo."""
        if not self.is_dead and self._reader.at_eof():
            self.is_dead = True
            self._writer.close()
            log.event("photo_process_died", pid=self.pid, manner="with nothing to do")
        return not self.is_dead

    def tell(self, header: Header) -> None:
        """Say something that has no answer; nothing happens where the process is gone."""
        if not self.is_dead:
            self._writer.writelines(packed(header))

    async def ask(
        self, header: Header, blobs: Sequence[Blob], understand: Callable[[Header, list[bytes]], _Result]
    ) -> _Result:
        """Return what ``understand`` makes of the answer; raises ``Problem``, ``ProcessFailed`` and ``ProcessDied``.

        ``understand`` may raise ``BadMessage`` and what reading a wrong document raises: a process whose answer can't
        be what was asked for may have been taken over, and is killed.
        """
        try:
            async with asyncio.timeout(self._seconds):
                self._writer.writelines(packed(header, blobs))
                await self._writer.drain()
                answer, pieces = await read(self._reader)
            _raise_for(answer)
            return understand(answer, pieces)
        except (EOFError, OSError, BadMessage, *_WRONG_DOCUMENT) as error:
            raise await self._end(error) from error

    async def _end(self, error: Exception) -> ProcessDied:
        self.is_dead = True
        self._writer.close()
        if isinstance(error, TimeoutError):
            manner = f"killed after {self._seconds:g} s"
        elif isinstance(error, (EOFError, OSError)):
            manner = ""
        else:
            manner = "killed for talking nonsense"
        if manner and self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        elif self.pid:
            manner = await asyncio.to_thread(self._fork_server.manner, self.pid)
        log.event("photo_process_died", pid=self.pid, manner=manner or "ended at its start")
        return ProcessDied(manner, of_this_photo=True)


def _raise_for(answer: Header) -> None:
    if "problem" in answer:
        raise Problem.from_json(answer["problem"])
    if "out_of_memory" in answer:
        raise OutOfMemory
    if "failure" in answer:
        raise ProcessFailed(answer["failure"])
