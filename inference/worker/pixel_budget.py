"""A bound on the pixels decoded at once, and so on the worker's memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class PixelBudget:
    """Lends out pixels, first come, first served."""

    def __init__(self, pixels: int) -> None:
        self._total = pixels
        self._lent = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def reserve(self, pixels: int) -> AsyncIterator[None]:
        """Hold ``pixels`` for the duration of the block; more than there are altogether means: all of them, alone."""
        pixels = min(pixels, self._total)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((pixels, turn))
        self._lend()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self._lent -= pixels
            self._lend()

    def _lend(self) -> None:
        while self._waiting:
            pixels, turn = self._waiting[0]
            if turn.done():
                self._waiting.popleft()
            elif self._lent + pixels <= self._total:
                self._waiting.popleft()
                self._lent += pixels
                turn.set_result(None)
            else:
                return
