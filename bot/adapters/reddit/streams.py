"""Following what is new on Reddit, whatever happens.

Listings show the newest first. A sweep pages back until it meets what an earlier sweep has covered, and then considers
what is new, everybody's in the order in which they wrote it. What a sweep has covered is only taken for granted once
the sweep is complete: when its third page fails, the next sweep reads on beyond the second, though all there is known.

What came in together is considered in turns: everybody's first, then everybody's second, and so on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

from bot.adapters import TryLater
from bot.adapters.reddit.things import Comment, Message, Page

_log = logging.getLogger(__name__)

Item = Comment | Message

_MAX_PAGES = 50
_REMEMBERED = 10_000
"""Ids that are remembered: Reddit's listings end after 1,000."""
_LONGEST_PAUSE_SECONDS = 60.0


class Memory:
    """The ids that were added last, up to a number."""

    def __init__(self, size: int) -> None:
        """Forget the oldest beyond ``size``."""
        self._size = size
        self._ids: dict[str, None] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def add(self, names: Iterable[str]) -> None:
        """Add ids, the oldest first."""
        for name in names:
            self._ids.pop(name, None)
            self._ids[name] = None
        while len(self._ids) > self._size:
            del self._ids[next(iter(self._ids))]


class Sweeper:
    """Keeps up with one listing."""

    def __init__(
        self,
        name: str,
        read: Callable[[str | None], Awaitable[Page]],
        consider: Callable[[Item], Awaitable[bool]],
        *,
        reach_back: timedelta,
    ) -> None:
        """Hand what ``read`` finds to ``consider``, which returns whether it is done with an item.

        An item that isn't done with is handed over again while the listing shows it. The first sweep leaves out what is
        older than ``reach_back``; after it, everything that shows up is new.
        """
        self.name = name
        self._read = read
        self._consider = consider
        self._reach_back = reach_back
        self._covered = Memory(_REMEMBERED)
        self._done = Memory(_REMEMBERED)
        self._pending: set[str] = set()
        self._first = True

    async def sweep(self) -> list[Item]:
        """Consider what is new; return everything that was seen and is done with, new or not.

        Raises ``TryLater``; what was read before that is considered all the same.
        """
        seen: dict[str, Item] = {}
        try:
            await self._look(seen)
        except TryLater:
            # A page that never comes must not keep back what the others hold.
            await self._consider_all(in_turns(list(seen.values())[::-1]))
            raise
        await self._consider_all(in_turns(list(seen.values())[::-1]))
        self._covered.add(list(seen)[::-1])
        self._first = False
        return [item for item in seen.values() if item.fullname in self._done]

    async def _look(self, seen: dict[str, Item]) -> None:
        after: str | None = None
        for _ in range(_MAX_PAGES):
            page = await self._read(after)
            if page.malformed:
                _log.warning("reddit: %d malformed items of %s left out", page.malformed, self.name)
            new = [item for item in page.items if item.fullname not in seen]
            seen.update((item.fullname, item) for item in new)
            if page.after is None or page.after == after or not new or self._settled(page.items):
                return
            after = page.after

    def _settled(self, items: tuple[Item, ...]) -> bool:
        """Return whether nothing new is to be expected beyond a page: its last quarter holds nothing that is."""
        return all(item.fullname in self._covered or self._too_old(item) for item in items[-(len(items) // 4 + 1) :])

    def _too_old(self, item: Item) -> bool:
        return self._first and datetime.now(UTC) - item.created > self._reach_back

    async def _consider_all(self, items: list[Item]) -> None:
        for item in items:
            name = item.fullname
            known = name in self._covered or name in self._done or self._too_old(item)
            if known and name not in self._pending:
                continue
            await asyncio.sleep(0)  # others want the event loop too
            if await self._consider(item):
                self._done.add([name])
                self._pending.discard(name)
            else:
                self._pending.add(name)


def in_turns(items: list[Item]) -> list[Item]:
    """Order items so that people take turns, each one's own in the order that they have."""
    turns: Counter[str | None] = Counter()
    numbered = []
    for item in items:
        turns[item.author] += 1
        numbered.append((turns[item.author], item))
    return [item for _, item in sorted(numbered, key=lambda numbered: numbered[0])]


async def follow(
    name: str,
    look: Callable[[], Awaitable[object]],
    *,
    pause_seconds: float,
    heard: Callable[[], None] = lambda: None,
) -> None:
    """Look again and again until cancelled, with longer pauses while it fails; ``heard`` is told when it didn't."""
    failures = 0
    while True:
        pause = pause_seconds
        try:
            await look()
        except TryLater as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from error  # the trouble came from being cancelled
            pause = max(min(pause_seconds * 2**failures, _LONGEST_PAUSE_SECONDS), error.retry_after or 0.0)
            failures = min(failures + 1, 10)
            _log.warning("reddit: can't read %s, again in %.1f s: %s", name, pause, error)
        else:
            heard()
            if failures:
                _log.info("reddit: %s can be read again", name)
            failures = 0
        await asyncio.sleep(pause)
