"""The photos: one folder for each request, files written whole or not at all.

A request's folder holds ``input-0`` (as it came), ``result-0.jpg`` and, once somebody looked, ``compare-0.jpg``;
likewise for its other photos. A file that can be seen under its name is complete and on the disk: it is written under
another name, synced, renamed, and the folder synced.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from pathlib import Path

from bot.vocabulary import ImageReference


class TooLarge(Exception):  # noqa: N818 - says what happened
    """More bytes came than were allowed; nothing of them is kept."""


class Storage:
    """The folders below one root."""

    def __init__(self, root: Path) -> None: ...

    def path(self, request_id: str, name: str) -> Path:
        """Return where a file of a request is or would be. Raises ``ValueError`` for anything but a plain name."""
        raise NotImplementedError

    async def save_input(
        self, request_id: str, index: int, data: bytes | AsyncIterable[bytes], *, max_bytes: int | None = None
    ) -> ImageReference:
        """Keep a photo as it came, making the folder where needed. Raises ``TooLarge`` beyond ``max_bytes``."""
        raise NotImplementedError

    async def save_picture(self, request_id: str, name: str, data: bytes) -> Path:
        """Keep a result. Raises ``FileNotFoundError`` when the request's folder has been deleted meanwhile."""
        raise NotImplementedError

    async def read(self, request_id: str, name: str) -> bytes:
        """Return a file's bytes. Raises ``FileNotFoundError``."""
        raise NotImplementedError

    async def copy_inputs(self, source_id: str, target_id: str) -> None:
        """Copy all photos, as they came, from one request's folder to another's."""
        raise NotImplementedError

    async def remove(self, request_id: str) -> None:
        """Remove a request's folder; one that isn't there is no error."""
        raise NotImplementedError
