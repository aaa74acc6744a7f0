"""Who lives when: a few requests at a time, in the queue's order, the failed ones again after a pause."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from functools import partial

from bot.adapters import TryLater
from bot.fair_queue import FairQueue
from bot.intake import turn_of
from bot.ledger import Ledger, LedgerAway
from bot.metrics import Metrics
from bot.pipeline import Pipeline
from bot.status import StatusBoard
from bot.vocabulary import Entry

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 600.0


class Dispatcher:
    """Gives the requests in the queue their lives, ``parallel`` at a time."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        ledger: Ledger,
        queue: FairQueue,
        board: StatusBoard,
        metrics: Metrics,
        parallel: int,
    ) -> None:
        """Take requests from ``queue`` and hand them to ``pipeline``."""
        self._pipeline = pipeline
        self._ledger = ledger
        self._queue = queue
        self._board = board
        self._metrics = metrics
        self._parallel = parallel
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._failures: Counter[str] = Counter()
        self._pausing: set[str] = set()
        self._ledger_there = asyncio.Event()
        self._ledger_there.set()

    async def resume(self, platforms: Collection[str]) -> None:
        """Join the bots on the ledger, and line up what dead ones left unfinished on these platforms."""
        roster = self._ledger.roster
        if not roster.joined:
            await roster.join()
        while adopted := await roster.adopt(platforms):
            self.line_up(adopted)
        if len(self._queue):
            _log.info("resuming %d unfinished requests", len(self._queue))
        for platform, count in (await roster.orphans()).items():
            _log.warning("%d unfinished requests of %s wait until it is switched on again", count, platform)

    def line_up(self, entries: Iterable[Entry]) -> None:
        """Line up requests that this bot has adopted, some of which it may have in hand already."""
        for request in (entry.request for entry in entries):
            self._put(turn_of(request), request.id)

    async def pick_up(self) -> None:
        """Line up what this bot owns but lost sight of, when the ledger went away before it said that it took it."""
        for request_id, requester in await self._ledger.own_unfinished():
            if request_id not in self._lives and request_id not in self._pausing:
                self._put(requester, request_id)

    def ledger_came_back(self) -> None:
        """Take turns again, after the ledger's database was away."""
        self._ledger_there.set()

    async def run(self) -> None:
        """Work until cancelled; that only stops taking new turns, `stop` ends the lives that are going on."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._parallel):
                tasks.create_task(self._take_turns())

    async def stop(self, *, grace_seconds: float) -> None:
        """Let the lives that are going on end by themselves for a while, and put the others back into the ledger."""
        if not self._lives:
            return
        _log.info("finishing %d requests in work, for at most %g s", len(self._lives), grace_seconds)
        lives = dict(self._lives)
        await asyncio.wait(lives.values(), timeout=grace_seconds)
        for life in lives.values():
            life.cancel()
        await asyncio.wait(lives.values())
        try:
            for request_id, life in lives.items():
                if life.cancelled():
                    await self._ledger.released(request_id)
                    _log.info("request %s goes on at the next start", request_id)
        except LedgerAway as away:
            _log.warning("the ledger is away, and hears later that work was broken off: %s", away)

    async def _take_turns(self) -> None:
        while True:
            await self._ledger_there.wait()
            requester, request_id = await self._queue.take()
            if request_id in self._lives or not self._ledger_there.is_set():
                # Picked up from the ledger before the intake lined it up, it may be in the queue and in work at once.
                self._put(requester, request_id)
                continue
            self._board.queue_moved()
            life = asyncio.create_task(self._live(request_id))
            self._lives[request_id] = life
            life.add_done_callback(partial(self._ended, requester, request_id))
            await asyncio.wait([life])

    async def _live(self, request_id: str) -> None:
        with self._metrics.work():
            await self._pipeline.live(request_id)

    def _ended(self, requester: Hashable, request_id: str, life: asyncio.Task[None]) -> None:
        del self._lives[request_id]
        error = None if life.cancelled() else life.exception()
        if error is None:
            self._failures.pop(request_id, None)
            return
        if isinstance(error, LedgerAway):
            # Nobody's fault, and no use to try the next one.
            _log.warning("request %s waits for the ledger, which is away: %s", request_id, error)
            self._ledger_there.clear()
            self._put(requester, request_id)
            return
        self._failures[request_id] += 1
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** (self._failures[request_id] - 1), _LONGEST_PAUSE_SECONDS)
        if isinstance(error, TryLater):
            pause = max(pause, error.retry_after or 0.0)
            _log.warning("request %s has to wait, again in %g s: %s", request_id, pause, error)
        else:
            _log.error("request %s failed, again in %g s", request_id, pause, exc_info=error)
        self._metrics.failed(type(error).__name__)
        self._pausing.add(request_id)
        asyncio.get_running_loop().call_later(pause, self._put, requester, request_id)

    def _put(self, requester: Hashable, request_id: str) -> None:
        self._pausing.discard(request_id)
        if life := self._lives.get(request_id):
            life.add_done_callback(lambda _: self._put(requester, request_id))
        elif request_id not in self._queue:
            self._queue.put(requester, request_id)
