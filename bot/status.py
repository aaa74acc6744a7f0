"""What can be told about a request right now, and word of every change to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bot.fair_queue import FairQueue
from bot.ledger import Ledger, LedgerAway
from bot.vocabulary import Entry, Progress, State, Status

_LOOK_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class _Watcher:
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    outdated: bool = True
    """Whether the ledger has to be asked again; the place in the queue alone is known without it."""


class StatusBoard:
    """Answers where a request stands and lets people watch it."""

    def __init__(self, ledger: Ledger, queue: FairQueue) -> None:
        """Tell of the requests in the ledger and of their turns in the queue."""
        self._ledger = ledger
        self._queue = queue
        self._progress: dict[str, Progress] = {}
        self._watchers: dict[str, set[_Watcher]] = {}

    async def status(self, request_id: str) -> Status | None:
        """Return where a request stands; ``None`` when there is none of that id, or it was deleted."""
        return self._status_of(await self._ledger.by_id(request_id))

    async def watch(self, request_id: str) -> AsyncIterator[Status]:
        """Yield the status at once and after each change, ending with the finished one (or when it is deleted).

        A ledger that is away is waited for.
        """
        with self._watching(request_id) as watcher:
            entry, told = None, None
            while True:
                watcher.woken.clear()
                if watcher.outdated:
                    watcher.outdated = False
                    try:
                        entry = await self._ledger.by_id(request_id)
                    except LedgerAway:
                        watcher.outdated = True
                        await asyncio.sleep(_LOOK_SECONDS)
                        continue
                status = self._status_of(entry)
                if status is None:
                    return
                if status != told:
                    told = status
                    yield status
                if status.entry.state.finished:
                    return
                await watcher.woken.wait()

    async def follow_others(self, *, pause_seconds: float = _LOOK_SECONDS) -> None:
        """Look until cancelled what other bots on the ledger have done about the requests that are watched here."""
        known: dict[str, str] = {}
        while True:
            await asyncio.sleep(pause_seconds)
            watched = list(self._watchers)
            try:
                moved = await self._ledger.movements(watched) if watched else {}
            except LedgerAway:
                continue
            for request_id in watched:
                if moved.get(request_id) != known.get(request_id):
                    self.changed(request_id)
            known = moved

    def show(self, request_id: str, progress: Progress | None) -> None:
        """Put up how far the work has come, or take it down, and tell the watchers."""
        if progress is None:
            self._progress.pop(request_id, None)
        else:
            self._progress[request_id] = progress
        self._wake(request_id)

    def changed(self, request_id: str) -> None:
        """Tell the watchers of a request that its entry in the ledger is another one."""
        for watcher in self._watchers.get(request_id, ()):
            watcher.outdated = True
        self._wake(request_id)

    def queue_moved(self) -> None:
        """Tell the watchers of all requests in the queue that turns have changed."""
        for request_id in self._watchers:
            if request_id in self._queue:
                self._wake(request_id)

    def _status_of(self, entry: Entry | None) -> Status | None:
        if entry is None or entry.state is State.DELETED:
            return None
        position = self._queue.position(entry.request.id)
        if position is not None:
            # After a restart, what was in work is waiting for its turn again.
            entry = replace(entry, state=State.QUEUED)
        return Status(entry, position, self._progress.get(entry.request.id))

    def _wake(self, request_id: str) -> None:
        for watcher in self._watchers.get(request_id, ()):
            watcher.woken.set()

    @contextmanager
    def _watching(self, request_id: str) -> Iterator[_Watcher]:
        watcher = _Watcher()
        watchers = self._watchers.setdefault(request_id, set())
        watchers.add(watcher)
        try:
            yield watcher
        finally:
            watchers.discard(watcher)
            if not watchers:
                self._watchers.pop(request_id, None)
