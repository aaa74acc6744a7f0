"""The pictures themselves: results for whoever has the id, photos as they came for their owner."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import hdrs, web

from bot.adapters.web.owners import Owners
from bot.adapters.web.problems import NotThere
from bot.adapters.web.requests_api import RequestsApi
from bot.compare import Comparer
from bot.storage import Storage, input_name
from bot.vocabulary import Answer

# Nobody but the asking browser keeps a copy, so that deleting a photo deletes it.
_FOR_EVER = "private, max-age=31536000, immutable"
_SIGNATURES = (
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"ftypavif", 4, "image/avif"),
)
"""What browsers can show of what people send: the bytes, where they stand, the type."""


class Pictures:
    """The handlers and what they need."""

    def __init__(self, api: RequestsApi, storage: Storage, comparer: Comparer, owners: Owners) -> None:
        """Serve what is in the storage; have side-by-side pictures made when somebody looks."""
        self._api = api
        self._storage = storage
        self._comparer = comparer
        self._owners = owners

    def routes(self) -> list[web.RouteDef]:
        """Return the pictures' addresses."""
        return [
            web.get(r"/results/{id}/compare-{index:\d{1,4}}.jpg", self.get_comparison),
            web.get("/results/{id}/{file}", self.get_result),
            web.get(r"/api/requests/{id}/photos/{index:\d{1,4}}", self.get_photo),
        ]

    async def get_result(self, request: web.Request) -> web.StreamResponse:
        """Serve a recolored photo; with ``?download``, as a file to keep."""
        entry = await self._api.entry(request)
        results = entry.outcome.results if isinstance(entry.outcome, Answer) else ()
        for result in results:
            if result.file == request.match_info["file"]:
                path = self._storage.path(entry.request.id, result.file)
                return await _file(request, path, result.media_type, f"recolored-{result.index + 1}")
        raise NotThere

    async def get_comparison(self, request: web.Request) -> web.StreamResponse:
        """Serve the original and the recolored photo side by side, each at most 2048 pixels wide."""
        entry = await self._api.entry(request)
        index = int(request.match_info["index"])
        try:
            path = await self._comparer.picture(entry, index)
        except FileNotFoundError:
            raise NotThere from None
        return await _file(request, path, "image/jpeg", f"side-by-side-{index + 1}")

    async def get_photo(self, request: web.Request) -> web.StreamResponse:
        """Serve a photo as it came, for its owner alone: it may tell where it was taken."""
        entry = await self._api.entry(request)
        self._owners.check(entry.request, request)
        path = self._storage.path(entry.request.id, input_name(int(request.match_info["index"])))
        try:
            media_type = await asyncio.to_thread(_shown_type, path)
        except FileNotFoundError:
            raise NotThere from None
        if media_type is None:
            raise NotThere
        return await _file(request, path, media_type, "photo")


def _shown_type(path: Path) -> str | None:
    """Return the type of a photo that browsers can show; ``None`` for what they can't."""
    with path.open("rb") as file:
        head = file.read(16)
    for signature, offset, media_type in _SIGNATURES:
        if head.startswith(signature, offset):
            return media_type
    return None


async def _file(request: web.Request, path: Path, media_type: str, name: str) -> web.FileResponse:
    if not await asyncio.to_thread(path.is_file):
        raise NotThere  # a browser would keep that answer for ever, too
    kind = "attachment" if "download" in request.query else "inline"
    return web.FileResponse(
        path,
        headers={
            hdrs.CONTENT_TYPE: media_type,
            hdrs.CONTENT_DISPOSITION: f'{kind}; filename="{name}{path.suffix}"',
            hdrs.CACHE_CONTROL: _FOR_EVER,
        },
    )
