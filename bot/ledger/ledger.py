"""Every request that the bot ever took, in one table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from bot.vocabulary import Entry, Outcome, Request, State


class Ledger:
    """The requests and what became of them."""

    async def record(self, request: Request) -> Entry:
        """Note a request down; when its message was seen before, return the entry of that time (with its own id)."""
        raise NotImplementedError

    async def claim(self, request_id: str) -> Entry | None:
        """Begin an attempt; ``None`` when there is nothing left to do."""
        raise NotImplementedError

    async def decided(self, request_id: str, outcome: Outcome) -> bool:
        """Fix what the requester will be told; False when the request was deleted meanwhile."""
        raise NotImplementedError

    async def delivered(self, request_id: str, answer_id: str) -> None:
        """Close a request whose answer is on the platform."""
        raise NotImplementedError

    async def deleted(self, request_id: str) -> None:
        """Forget all of a request but that its message was seen."""
        raise NotImplementedError

    async def by_id(self, request_id: str) -> Entry | None:
        """Return an entry, deleted ones too; ``None`` when there never was one."""
        raise NotImplementedError

    async def by_message(self, platform: str, message_id: str) -> Entry | None:
        """Return the entry of a message."""
        raise NotImplementedError

    async def of_requester(self, platform: str, requester: str, *, limit: int = 100) -> list[Entry]:
        """Return a person's entries, the newest first, without the deleted ones."""
        raise NotImplementedError

    async def unfinished(self) -> list[Entry]:
        """Return the entries that still need work, the oldest first."""
        raise NotImplementedError

    async def pictures_of_requester(self, platform: str, requester: str, *, since: datetime) -> int:
        """Count the photos that a person asked for since then."""
        raise NotImplementedError

    async def pictures_of_community(self, platform: str, community: str, *, since: datetime) -> int:
        """Count the photos that were asked for in a community since then."""
        raise NotImplementedError

    async def counts(self) -> Mapping[State, int]:
        """Count the entries by state."""
        raise NotImplementedError


@asynccontextmanager
async def open_ledger(database_url: str) -> AsyncIterator[Ledger]:
    """Open the ledger, bringing its schema up to date first. Raises ``OperatorError``."""
    raise NotImplementedError
    yield
