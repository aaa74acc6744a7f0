"""A bound on the pixels decoded at once, and so on the worker's memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_SHARE_OF_LARGE = 3 / 4


class PixelBudget:
    """Lends out pixels, first come, first served in each of two lines, so that no small photo waits behind large ones.

    Large photos get at most three quarters of the budget; small ones whatever large ones neither hold nor wait for.
    """

    def __init__(self, pixels: int) -> None:
        self._total = pixels
        self._small = _Line(pixels)
        self._large = _Line(round(pixels * _SHARE_OF_LARGE))

    @asynccontextmanager
    async def reserve(self, pixels: int, *, large: bool) -> AsyncIterator[None]:
        """Hold ``pixels`` for the duration of the block; more than a line's share means: all of that share."""
        line = self._large if large else self._small
        pixels = min(pixels, line.most)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append((pixels, turn))
        self._lend()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                line.lent -= pixels
            self._lend()

    def _lend(self) -> None:
        large, small = self._large, self._small
        while (pixels := large.first()) is not None:
            if large.lent + pixels > large.most:
                break
            if large.lent + small.lent + pixels > self._total:
                # Promised to it: small ones that come meanwhile have to leave it alone.
                return self._lend_to_small(large.lent + pixels)
            large.lend()
        return self._lend_to_small(large.lent)

    def _lend_to_small(self, promised: int) -> None:
        small = self._small
        while (pixels := small.first()) is not None and small.lent + pixels <= self._total - promised:
            small.lend()


@dataclass(slots=True)
class _Line:
    """Those who wait for pixels, and what those who were before them hold."""

    most: int
    lent: int = 0
    waiting: deque[tuple[int, asyncio.Future[None]]] = field(default_factory=deque)

    def first(self) -> int | None:
        """Return what the first in the line asks for; those who gave up are gone."""
        while self.waiting and self.waiting[0][1].done():
            self.waiting.popleft()
        return self.waiting[0][0] if self.waiting else None

    def lend(self) -> None:
        pixels, turn = self.waiting.popleft()
        self.lent += pixels
        turn.set_result(None)
