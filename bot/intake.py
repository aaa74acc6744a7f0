"""The door: what adapters hand over is checked against the limits, noted down, and lined up."""

from __future__ import annotations

from bot.vocabulary import Entry, Refusal, Request
from inference.vocabulary import RecolorOptions


class Declined(Exception):  # noqa: N818 - says what happened
    """A request that was not taken: nothing is noted down, and it may be asked again after a while."""

    def __init__(self, refusal: Refusal, *, retry_after: int | None = None) -> None:
        """``retry_after`` is in seconds; ``None`` when asking the same again would not help."""
        super().__init__(refusal.message)
        self.refusal = refusal
        self.retry_after = retry_after


class Intake:
    """Takes requests on behalf of the pipeline."""

    async def submit(self, request: Request) -> Entry:
        """Take a request; its uploads have to be in the storage already. From here on the intake owns its folder.

        When this returns, the request is on the disk and will be answered, whatever happens to the process. A message
        that was seen before returns the entry of that time, whose request has another id. Raises ``Declined``.
        """
        raise NotImplementedError

    async def again(self, entry: Entry, options: RecolorOptions) -> Entry:
        """Take a new request for the photos of an older one, with other options. Raises ``Declined``."""
        raise NotImplementedError

    async def withdraw(self, request_id: str) -> None:
        """Delete a request and its photos, wherever it stands; the adapter has checked who asks."""
        raise NotImplementedError
