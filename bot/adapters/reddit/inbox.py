"""The bot's inbox: mentions, replies to its answers, private messages.

What is unread is looked at all the time. Now and then the whole inbox is, since somebody who opens it in a browser
marks as read what the bot hasn't seen. An item is marked as read once nothing has to be done about it any more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import praw
import prawcore
from praw.endpoints import API_PATH

from bot.adapters import TryLater
from bot.adapters.reddit import reading
from bot.adapters.reddit.streams import Item, Sweeper
from bot.adapters.reddit.things import Page
from bot.adapters.reddit.workers import Workers

_log = logging.getLogger(__name__)

_WHOLE_SECONDS = 60.0
"""How often the whole inbox is looked at."""
_MARK_PAUSE_SECONDS = 30.0
"""How long marking as read is left alone after it failed."""
_MISSING_SECONDS = 300.0
"""How long a listing is left alone after Reddit said that there is none."""
_AT_ONCE = 25
"""How many items Reddit takes at once for marking."""


class Inbox:
    """Keeps up with the inbox."""

    def __init__(self, workers: Workers, consider: Callable[[Item], Awaitable[bool]], *, reach_back: timedelta) -> None:
        """Hand what is new to ``consider``, no older than ``reach_back`` at first."""
        self._workers = workers
        self._unread = Sweeper("unread messages", partial(self._read, reading.UNREAD), consider, reach_back=reach_back)
        self._whole = Sweeper("the inbox", partial(self._read, reading.INBOX), consider, reach_back=reach_back)
        self._missing: dict[str, float] = {}
        """Until when a listing that isn't there is not asked for again."""
        self._whole_due = 0.0
        self._marking_due = 0.0

    async def look(self) -> None:
        """Consider what is new, and mark as read what is done. Raises ``TryLater``."""
        await self._mark(await self._unread.sweep())
        if reading.UNREAD in self._missing or time.monotonic() >= self._whole_due:
            await self._mark(await self._whole.sweep())
            self._whole_due = time.monotonic() + _WHOLE_SECONDS
        if {reading.UNREAD, reading.INBOX} <= self._missing.keys():
            raise TryLater("Reddit shows no inbox")

    async def _read(self, path: str, after: str | None) -> Page:
        if time.monotonic() < self._missing.get(path, 0.0):
            return Page((), None)
        page = await self._workers.call(_page, path, after)
        if page is not None:
            self._missing.pop(path, None)
            return page
        _log.warning("reddit: there is no %s here; going on without, and asking again in a while", path)
        self._missing[path] = time.monotonic() + _MISSING_SECONDS
        return Page((), None)

    async def _mark(self, items: list[Item]) -> None:
        unread = [item.fullname for item in items if item.unread]
        if not unread or time.monotonic() < self._marking_due:
            return
        try:
            for start in range(0, len(unread), _AT_ONCE):
                await self._workers.call(_mark_read, unread[start : start + _AT_ONCE])
        except TryLater as error:
            _log.warning("reddit: can't mark %d items as read: %s", len(unread), error)
            self._marking_due = time.monotonic() + _MARK_PAUSE_SECONDS


def _page(reddit: praw.Reddit, path: str, after: str | None) -> Page | None:
    try:
        return reading.page(reddit, path, after)
    except prawcore.NotFound:
        return None


def _mark_read(reddit: praw.Reddit, fullnames: list[str]) -> None:
    reddit.post(API_PATH["read_message"], data={"id": ",".join(fullnames)})
