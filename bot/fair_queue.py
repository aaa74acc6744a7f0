"""A queue in which people take turns, so that one person's fifty photos don't hold up the room."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable


class FairQueue:
    """Request ids in line: each requester has a line of their own, and the lines are served in rotation.

    Within a line it is first come, first served. Who joins, or comes back after their line ran empty, has their first
    turn after everybody who is waiting already. Not thread-safe: it belongs to one event loop.
    """

    def __init__(self, capacity: int) -> None:
        """``capacity`` is how many requests may wait before new ones are to be declined."""
        self._capacity = capacity
        self._lines: OrderedDict[Hashable, deque[str]] = OrderedDict()
        self._requesters: dict[str, Hashable] = {}
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._requesters)

    def __contains__(self, request_id: object) -> bool:
        return request_id in self._requesters

    @property
    def full(self) -> bool:
        """Whether new requests are to be declined; those that were let in before may still come back."""
        return len(self) >= self._capacity

    def put(self, requester: Hashable, request_id: str) -> None:
        """Line up a request. Raises ``ValueError`` when it is in the queue already."""
        if request_id in self._requesters:
            raise ValueError("already in the queue")
        self._lines.setdefault(requester, deque()).append(request_id)
        self._requesters[request_id] = requester
        self._filled.set()

    async def take(self) -> tuple[Hashable, str]:
        """Wait for a request and return the one whose turn it is, behind its requester."""
        while not self._lines:
            self._filled.clear()
            await self._filled.wait()
        requester, line = self._lines.popitem(last=False)
        request_id = line.popleft()
        if line:
            self._lines[requester] = line
        del self._requesters[request_id]
        return requester, request_id

    def remove(self, request_id: str) -> bool:
        """Take a request out of its line; return whether it was in one."""
        if request_id not in self._requesters:
            return False
        requester = self._requesters.pop(request_id)
        line = self._lines[requester]
        line.remove(request_id)
        if not line:
            del self._lines[requester]
        return True

    def position(self, request_id: str) -> int | None:
        """Return after how many turns the request is taken, 1 being the next; ``None`` when it isn't waiting."""
        if request_id not in self._requesters:
            return None
        requester = self._requesters[request_id]
        before_in_line = self._lines[requester].index(request_id)
        # Until its turn, lines up to its own are served once more often than it has predecessors in its line.
        turns, rounds = 0, before_in_line + 1
        for other, line in self._lines.items():
            turns += min(len(line), rounds)
            if other == requester:
                rounds -= 1
        return turns
