"""The side-by-side pictures: made when somebody first looks, then kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from weakref import WeakValueDictionary

from bot.recolorer import Recolorer
from bot.storage import Storage, input_name
from bot.vocabulary import Answer, Entry, Request
from inference.vocabulary import Layout, OutputFormat

_AT_ONCE = 8
"""Pictures in the making: each holds a whole photo, and there may be as many looks as there are people."""


class Comparer:
    """Makes and keeps the pictures that show the original beside the recolored photo."""

    def __init__(self, storage: Storage, recolorer: Recolorer) -> None:
        """Read photos from the storage, have them recolored once more, and keep the pictures there."""
        self._storage = storage
        self._recolorer = recolorer
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._making: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    async def picture(self, entry: Entry, index: int) -> Path:
        """Return the side-by-side picture (a JPEG) of an answered request's image ``index``; each is made only once.

        Raises ``inference.problems.Problem`` when the worker can't, ``FileNotFoundError`` when the request has no such
        result (any more).
        """
        request, answer = entry.request, entry.outcome
        if not isinstance(answer, Answer) or index not in {result.index for result in answer.results}:
            raise FileNotFoundError(f"no result {index}")
        path = self._storage.path(request.id, f"compare-{index}.jpg")
        async with self._making.setdefault(path, asyncio.Lock()):
            if not await self._storage.holds(request.id, path.name):
                async with self._turns:
                    await self._make(request, index, path.name)
        return path

    async def _make(self, request: Request, index: int, name: str) -> None:
        photo = await self._storage.read(request.id, input_name(index))
        options = replace(request.options, layout=Layout.SIDE_BY_SIDE, format=OutputFormat.JPEG)
        compared = await self._recolorer.recolor(photo, options)
        await self._storage.save_picture(request.id, name, compared.data)
