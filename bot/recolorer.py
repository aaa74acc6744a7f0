"""The worker as the bot uses it: with the patience that a photo deserves while the worker is away, full or dying."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bot import wording
from bot.worker_access import complaint
from inference.client import AccessRefused, InferenceClient, WorkerLost
from inference.problems import Busy, Draining, NotReady, Problem
from inference.vocabulary import Recolored, RecolorOptions

_log = logging.getLogger(__name__)

_DEFAULT_PAUSE_SECONDS = 1
_ACCESS_PAUSE_SECONDS = 5.0
_COMPLAINT_SECONDS = 300.0
"""How long until an operator is told again of what was told before."""


class WorkerAway(Problem):
    """There has been no worker for longer than anybody should wait."""

    status = 503
    slug = "worker_away"
    title = "Out of order"
    advice = wording.WORKER_AWAY


class WorkerStumbled(Problem):
    """The worker went away twice over the same photo."""

    status = 503
    slug = "worker_stumbled"
    title = "The worker stumbled"
    advice = wording.WORKER_STUMBLED


class Recolorer:
    """Recolors photos with a worker that may be warming up, restarting, busy or killed meanwhile."""

    def __init__(self, client: InferenceClient, *, patience_seconds: float) -> None:
        """Wait up to ``patience_seconds`` for each photo while the worker is away or full."""
        self._client = client
        self._patience_seconds = patience_seconds
        self._one_suspect = asyncio.Lock()
        self._complained: float | None = None

    async def recolor(
        self, photo: bytes, options: RecolorOptions, *, on_wait: Callable[[bool], None] | None = None
    ) -> Recolored:
        """Return the photo recolored; ``on_wait`` hears of waiting for the worker (True) and of going on (False).

        A worker that goes away over the photo gets it once more when it is back. Of the photos that were in work when
        it went, one may be to blame; so each of them is tried again alone, and only the guilty one fails twice.

        While bot and worker don't trust each other, photos wait without end, and operators are told.

        Raises ``Problem``: what the worker says about the photo, ``WorkerStumbled``, ``WorkerAway``, or ``Busy``.
        """
        on_wait = on_wait or _do_nothing
        try:
            return await self._recolor(photo, options, on_wait)
        except WorkerLost as lost:
            _log.warning("the worker was lost over a photo, which gets a second chance: %s", lost)
        on_wait(True)
        async with self._one_suspect:
            try:
                return await self._recolor(photo, options, on_wait)
            except WorkerLost as lost:
                _log.warning("the worker was lost over the same photo again: %s", lost)
                raise WorkerStumbled from lost

    async def _recolor(self, photo: bytes, options: RecolorOptions, on_wait: Callable[[bool], None]) -> Recolored:
        deadline = asyncio.get_running_loop().time() + self._patience_seconds
        while True:
            try:
                await self._wait_ready(deadline, on_wait)
                on_wait(False)
                recolored = await self._client.recolor(photo, options)
            except AccessRefused as refused:
                # Nobody's photo is to blame, and the operator can put it right: it waits for as long as that takes.
                self._complain(refused)
                pause = _ACCESS_PAUSE_SECONDS
                deadline = asyncio.get_running_loop().time() + pause + self._patience_seconds
            except (Busy, Draining, NotReady) as later:
                pause = later.retry_after or _DEFAULT_PAUSE_SECONDS
                if asyncio.get_running_loop().time() + pause > deadline:
                    raise
            else:
                self._complained = None
                return recolored
            on_wait(True)
            await asyncio.sleep(pause)

    async def _wait_ready(self, deadline: float, on_wait: Callable[[bool], None]) -> None:
        # Asked before each photo, so that a worker that is not there yet isn't taken for one that died over the photo.
        if await self._client.ready():
            return
        on_wait(True)
        try:
            await self._client.wait_ready(max(0.0, deadline - asyncio.get_running_loop().time()))
        except AccessRefused:
            raise
        except WorkerLost as lost:
            raise WorkerAway from lost

    def _complain(self, refused: AccessRefused) -> None:
        now = asyncio.get_running_loop().time()
        if self._complained is None or now - self._complained >= _COMPLAINT_SECONDS:
            self._complained = now
            _log.error("%s Until then, requests wait.", complaint(refused))


def _do_nothing(_waiting: bool) -> None:
    pass
