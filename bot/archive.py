"""Results of earlier requests, used again when the same photo is asked for with the same options."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import PurePath

from bot.ledger.known_results import KnownResults, key_of
from bot.storage import Storage
from bot.vocabulary import Request, ResultPicture
from inference.client import InferenceClient, WorkerLost
from inference.problems import Problem


class Archive:
    """Finds a result by the photo's content, the options and the model, and copies it to the request at hand."""

    def __init__(self, known: KnownResults, storage: Storage, worker: InferenceClient) -> None:
        """Look up in ``known``, copy in ``storage``, and ask ``worker`` which model would do the work."""
        self._known = known
        self._storage = storage
        self._worker = worker

    async def find(self, request: Request, index: int, photo: bytes) -> tuple[ResultPicture, str] | None:
        """Return the result for the request's photo ``index``, now in its folder, and the model's name.

        ``None`` when there is none, or the request that had it was deleted, or no worker says which model counts.
        """
        try:
            model = (await self._worker.model()).get("name")
        except (WorkerLost, Problem):
            return None
        if not isinstance(model, str):
            return None
        known = await self._known.find(await asyncio.to_thread(key_of, photo, request.options, model))
        if known is None:
            return None
        name = f"result-{index}{PurePath(known.picture.file).suffix}"
        try:
            data = await self._storage.read(known.request_id, known.picture.file)
        except FileNotFoundError:
            return None
        await self._storage.save_picture(request.id, name, data)
        return replace(known.picture, index=index, file=name), model

    async def remember(self, request: Request, picture: ResultPicture, photo: bytes, model: str) -> None:
        """Note down where the result of a photo is."""
        key = await asyncio.to_thread(key_of, photo, request.options, model)
        await self._known.remember(key, request.id, picture, model=model)
