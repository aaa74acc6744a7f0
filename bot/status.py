"""What can be told about a request right now, and word of every change to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.vocabulary import Progress, Status


class StatusBoard:
    """Answers where a request stands and lets people watch it."""

    async def status(self, request_id: str) -> Status | None:
        """Return where a request stands; ``None`` when there is none of that id, or it was deleted."""
        raise NotImplementedError

    def watch(self, request_id: str) -> AsyncIterator[Status]:
        """Yield the status at once and after each change, ending with the finished one (or when it is deleted)."""
        raise NotImplementedError

    def show(self, request_id: str, progress: Progress | None) -> None:
        """Put up how far the work has come, and tell the watchers."""
        raise NotImplementedError
