"""Where a result is to be found on the bot's own page, for answers on other platforms."""

from __future__ import annotations

import asyncio

from pydantic import HttpUrl


class Links:
    """Absolute addresses on the page, as people outside reach it."""

    def __init__(self, public_url: HttpUrl | None) -> None:
        """``public_url`` is what the operator says; without one, it counts where the page listens, once it does."""
        self._root = "" if public_url is None else str(public_url).rstrip("/")
        self._public = public_url is not None
        self.known = asyncio.Event()
        """Set as soon as it is known where the page is."""
        if self._public:
            self.known.set()

    @property
    def public(self) -> bool:
        """Whether the operator says that everybody reaches the page."""
        return self._public

    def served_at(self, address: str) -> None:
        """Take note of where the page listens; it counts when the operator named no public address."""
        if not self._public:
            self._root = address.rstrip("/")
            self.known.set()

    def page(self, request_id: str) -> str:
        """Return the address of the page that shows a request's result."""
        return f"{self._root}/r/{request_id}"

    def picture(self, request_id: str, file: str) -> str:
        """Return the address of a result picture, ``file`` being its name in the storage."""
        return f"{self._root}/results/{request_id}/{file}"

    def compare(self, request_id: str, index: int) -> str:
        """Return the address of the side-by-side picture of a request's photo ``index``."""
        return self.picture(request_id, f"compare-{index}.jpg")
