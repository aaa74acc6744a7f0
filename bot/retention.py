"""Deleting what is older than the operator wants it kept, a little at a time while the bot does its work.

For each platform, photos go ``result_days`` after their answer, and the rest of what is known of a request goes after
``request_days``. The ledger goes first, as with any deletion: whoever asks for a photo after that is told that it is
gone. Folders that a crash spared between the two, and those that another bot on the same ledger had an answer expire
of, are found once a day.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.ledger import Retention
from bot.retention_settings import RetentionSettings
from bot.storage import Storage

_log = logging.getLogger(__name__)

PIECE = 50
"""Requests that are forgotten in one go."""
_BREATH_SECONDS = 0.1
_PAUSE_SECONDS = 600.0
_SHORTEST_PAUSE_SECONDS = 1.0
_DAY = timedelta(days=1)
_FOR_EVER_DAYS = 36500.0
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What one round deleted."""

    photos: int = 0
    """Requests whose photos went."""
    requests: int = 0
    """Requests that the ledger no longer knows."""


class Forgetting:
    """Deletes what is due, round by round."""

    def __init__(
        self,
        retention: Retention,
        storage: Storage,
        settings: Callable[[], RetentionSettings],
        platforms: Collection[str],
    ) -> None:
        """Look at ``settings`` in each round: they may change while the bot runs."""
        self._retention = retention
        self._storage = storage
        self._settings = settings
        self._platforms = platforms
        self._swept = _NEVER

    async def run(self) -> None:
        """Delete until cancelled. What fails is tried again in the next round."""
        while True:
            try:
                forgotten = await self.forget()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("what is due can't be deleted now, it is tried again: %s", error)
            else:
                if forgotten != Forgotten():
                    _log.info("deleted for age: photos=%d requests=%d", forgotten.photos, forgotten.requests)
            await asyncio.sleep(self._pause())

    async def forget(self) -> Forgotten:
        """Delete all that is due now. Raises ``SQLAlchemyError`` or ``OSError``; what was deleted until then is."""
        photos = requests = 0
        for platform in self._platforms:
            photos += await self._expire(platform)
            requests += await self._drop(platform)
        if datetime.now(UTC) - self._swept > _DAY:
            photos += await self._sweep()
            self._swept = datetime.now(UTC)
        return Forgotten(photos, requests)

    async def _expire(self, platform: str) -> int:
        # A day before the row is dropped at the latest, see `_drop`.
        days = min(self._settings().days_of(platform)[0], self._settings().days_of(platform)[1] - 1)
        if days > _FOR_EVER_DAYS:
            return 0
        finished_before, expired = datetime.now(UTC) - timedelta(days=days), 0
        while ids := await self._retention.expire(platform, finished_before=finished_before, limit=PIECE):
            for request_id in ids:
                await self._storage.remove(request_id)
            expired += len(ids)
            await asyncio.sleep(_BREATH_SECONDS)
        return expired

    async def _drop(self, platform: str) -> int:
        now, dropped = datetime.now(UTC), 0
        while count := await self._retention.drop_purged(platform, limit=PIECE):
            dropped += count
            await asyncio.sleep(_BREATH_SECONDS)
        days = self._settings().days_of(platform)[1]
        if days > _FOR_EVER_DAYS:
            return dropped
        finished_before = now - timedelta(days=days)
        while count := await self._retention.drop(
            platform, finished_before=finished_before, expired_before=now - _DAY, limit=PIECE
        ):
            dropped += count
            await asyncio.sleep(_BREATH_SECONDS)
        return dropped

    async def _sweep(self) -> int:
        """Remove photos that should be gone already."""
        removed = 0
        holdings = await self._storage.holdings()
        for start in range(0, len(holdings), PIECE):
            gone = await self._retention.without_photos(holdings[start : start + PIECE])
            for request_id in gone:
                await self._storage.remove(request_id)
            removed += len(gone)
            await asyncio.sleep(0)
        return removed

    def _pause(self) -> float:
        """Return seconds until the next round: ten minutes, less where things are kept for less than a day or so."""
        shortest = min(self._settings().days_of(platform)[0] for platform in self._platforms)
        if shortest > _FOR_EVER_DAYS:
            return _PAUSE_SECONDS
        return max(_SHORTEST_PAUSE_SECONDS, min(_PAUSE_SECONDS, timedelta(days=shortest).total_seconds() / 10))
