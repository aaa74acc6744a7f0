"""Somebody who sends a photo to a bot's page, waits for the answer, fetches it, and deletes everything again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

_HEALTH_SECONDS = 10.0
_CLEANING_SECONDS = 60.0
_RECONNECT_SECONDS = 0.5
_FINISHED = ("answered", "refused")
TROUBLES = (aiohttp.ClientError, TimeoutError, OSError)
"""What a connection may raise, and a bot that is being restarted will."""


class NoBot(Exception):  # noqa: N818 - says what was found
    """There is no bot at that address."""


class Declined(Exception):  # noqa: N818 - says what happened
    """The bot doesn't take a photo now."""

    def __init__(self, reason: str, retry_after: float) -> None:
        """``retry_after`` is in seconds."""
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Wrong(Exception):  # noqa: N818 - says what happened
    """The bot answered what it should not, or not at all; the message is a word to count by."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that the bot has taken."""

    id: str
    token: str


class Visitor:
    """Speaks the page's API, as `README.md` describes it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """``session`` keeps no cookies, so that each photo comes from somebody else."""
        self._session = session

    async def look(self) -> str:
        """Return how the bot's worker is: ``ready`` or ``warming_up``. Raises ``NoBot``."""
        try:
            async with asyncio.timeout(_HEALTH_SECONDS), self._session.get("/healthz") as response:
                return str((await response.json())["worker"])
        except TROUBLES as error:
            raise NoBot(f"it can't be reached ({type(error).__name__})") from error
        except (ValueError, KeyError, TypeError) as error:
            raise NoBot("something else answers there") from error

    async def send(self, photo: bytes) -> Taken:
        """Send a photo. Raises ``Declined`` or ``Wrong``."""
        form = aiohttp.FormData()
        form.add_field("image", photo, filename="photo", content_type="application/octet-stream")
        try:
            async with self._session.post("/api/requests", data=form) as response:
                document = await _document(response)
                if response.status == 202:
                    return Taken(document["id"], document["token"])
                if response.status in (429, 503):
                    raise Declined(_reason(response, document), _pause(response))
                raise Wrong(_reason(response, document))
        except TROUBLES as error:
            raise Wrong(type(error).__name__) from error

    async def wait(self, taken: Taken) -> dict[str, Any]:
        """Return the status of a request once it is answered or refused, across restarts of the bot.

        Raises ``Wrong`` when it is gone.
        """
        while True:
            with suppress(*TROUBLES):
                async for status in self._statuses(taken):
                    if status["state"] in _FINISHED:
                        return status
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def fetch(self, url: str) -> int:
        """Fetch a result; return its size in bytes. Raises ``Wrong``."""
        try:
            async with self._session.get(url) as response:
                data = await response.read()
                if response.status != 200 or not data:
                    raise Wrong(f"result: HTTP {response.status}")
                return len(data)
        except TROUBLES as error:
            raise Wrong(f"result: {type(error).__name__}") from error

    async def delete(self, taken: Taken) -> bool:
        """Delete a request, across restarts of the bot; return whether it is gone."""
        headers = {"Authorization": f"Bearer {taken.token}"}
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLEANING_SECONDS):
                while True:
                    with suppress(*TROUBLES):
                        async with self._session.delete(f"/api/requests/{taken.id}", headers=headers) as response:
                            if response.status == 204 or await _is_unknown(response):
                                return True
                    await asyncio.sleep(_RECONNECT_SECONDS)
        return False

    async def _statuses(self, taken: Taken) -> AsyncIterator[dict[str, Any]]:
        async with self._session.get(f"/api/requests/{taken.id}/events") as response:
            if await _is_unknown(response):
                raise Wrong("taken, and then unknown")
            async for line in response.content:
                if line.startswith(b"data:"):
                    document = json.loads(line.removeprefix(b"data:"))
                    if "state" in document:
                        yield document


async def _is_unknown(response: aiohttp.ClientResponse) -> bool:
    """Return whether the bot says that there is no such request; a proxy's 404 during a restart says nothing."""
    return response.status in (404, 410) and "reason" in await _document(response)


async def _document(response: aiohttp.ClientResponse) -> dict[str, Any]:
    with suppress(ValueError, aiohttp.ContentTypeError):
        document = json.loads(await response.read())
        if isinstance(document, dict):
            return document
    return {}


def _pause(response: aiohttp.ClientResponse) -> float:
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 1.0  # a proxy may have written a date


def _reason(response: aiohttp.ClientResponse, document: dict[str, Any]) -> str:
    return str(document.get("reason") or f"HTTP {response.status}")
