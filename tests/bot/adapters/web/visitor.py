"""A client of the page's API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

from tests.bot.adapters.web.photos import a_photo


@dataclass(frozen=True)
class Told:
    """An answer, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The stable word of a problem, after checking that it is one."""
        assert self.headers["Content-Type"].startswith("application/problem+json")
        assert self.json["status"] == self.status
        assert self.json["detail"]
        return str(self.json["reason"])


class Visitor:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def ask(self, method: str, path: str, **request: Any) -> Told:
        async with self.session.request(method, path, allow_redirects=False, **request) as response:
            return Told(response.status, response.headers, await response.read())

    async def get(self, path: str, **request: Any) -> Told:
        return await self.ask("GET", path, **request)

    async def post_photos(
        self, *photos: bytes, options: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Told:
        form = aiohttp.FormData()
        for index, photo in enumerate(photos or [a_photo()]):
            form.add_field("image", photo, filename=f"photo-{index}.jpg", content_type="image/jpeg")
        for name, value in (options or {}).items():
            form.add_field(name, value)
        return await self.ask("POST", "/api/requests", data=form, headers=headers)

    async def post_link(self, url: str, **options: Any) -> Told:
        return await self.ask("POST", "/api/requests", json={"url": url, **options})

    async def sent(self, *photos: bytes, options: Mapping[str, str] | None = None) -> str:
        """Post photos and return the request's id."""
        told = await self.post_photos(*photos, options=options)
        assert told.status == 202, told.body
        return str(told.json["id"])

    async def finished(self, request_id: str) -> dict[str, Any]:
        """Wait until nothing more happens to a request, and return where it stands."""
        async with asyncio.timeout(60):
            async for event, status in self.events(f"/api/requests/{request_id}/events"):
                if event == "status" and status["state"] in ("answered", "refused"):
                    return dict(status)
        raise AssertionError("the stream ended early")

    async def events(self, path: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Yield a stream's events."""
        async with self.session.get(path) as response:
            assert response.content_type == "text/event-stream"
            event = ""
            async for line in response.content:
                name, _, value = line.decode().strip().partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    yield event, json.loads(value)
