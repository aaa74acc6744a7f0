"""Telling a page, as it happens, how its requests are getting on: server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from bot.adapters.web import documents
from bot.status import StatusBoard

_PATIENCE_SECONDS = 60.0
"""How long a page may read nothing of what it is told."""


class Broadcast:
    """Event streams of where requests stand."""

    def __init__(self, board: StatusBoard) -> None:
        """Tell what the board shows."""
        self._board = board
        self._closing = asyncio.Event()

    async def close(self, _app: web.Application) -> None:
        """End all streams: the bot is stopping."""
        self._closing.set()

    async def stream(self, request: web.Request, request_ids: Sequence[str]) -> web.StreamResponse:
        """Answer with a stream that ends once all of these requests are finished.

        Each ``status`` event is a document as GET would give it; ``deleted`` names a request that is gone.
        """
        async with sse_response(request, send_timeout=_PATIENCE_SECONDS) as response:
            following = asyncio.create_task(self._follow_all(request_ids, response))
            closing = asyncio.create_task(self._closing.wait())
            try:
                await asyncio.wait([following, closing], return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    following.result()
            finally:
                following.cancel()
                closing.cancel()
                await asyncio.wait([following, closing])  # nothing is left behind that still asks the ledger
        return response

    async def _follow_all(self, request_ids: Sequence[str], response: EventSourceResponse) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for request_id in request_ids:
                    tasks.create_task(self._follow(request_id, response))
        except* (ConnectionError, TimeoutError):
            pass  # the page has been closed, or is gone without a word

    async def _follow(self, request_id: str, response: EventSourceResponse) -> None:
        finished = False
        async for status in self._board.watch(request_id):
            finished = status.entry.state.finished
            await response.send(json.dumps(documents.of_status(status)), event="status")
        if not finished:
            await response.send(json.dumps({"id": request_id}), event="deleted")
