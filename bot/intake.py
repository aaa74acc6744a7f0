"""The door: what adapters hand over is checked against the limits, noted down, and lined up.

The order matters. A photo that was uploaded is on the disk before its request is in the ledger, so that a request in
the ledger always has its photos; a photo whose request never got there goes at the next start. The request is in the
ledger before the adapter hears that it was taken, so that whatever was promised will be answered. It is lined up last:
should the bot die before that, the ledger still lists it as unfinished, and the next start lines it up.
"""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import UTC, datetime

from bot import rate_limit, wording
from bot.fair_queue import FairQueue
from bot.ledger import Ledger
from bot.metrics import Metrics
from bot.settings import LimitSettings
from bot.status import StatusBoard
from bot.storage import Storage, input_name
from bot.vocabulary import Entry, ImageKind, ImageReference, Refusal, Request, new_request_id
from inference.vocabulary import RecolorOptions

_log = logging.getLogger(__name__)

_QUEUE_RETRY_SECONDS = 60
_RESTART_RETRY_SECONDS = 30


class Declined(Exception):  # noqa: N818 - says what happened
    """A request that was not taken: nothing is noted down, and it may be asked again."""

    def __init__(self, refusal: Refusal, *, retry_after: int | None = None) -> None:
        """``retry_after`` is in seconds; ``None`` when asking the same again would not help."""
        super().__init__(refusal.message)
        self.refusal = refusal
        self.retry_after = retry_after


class Intake:
    """Takes requests on behalf of the pipeline."""

    def __init__(
        self,
        ledger: Ledger,
        storage: Storage,
        queue: FairQueue,
        board: StatusBoard,
        limits: LimitSettings,
        metrics: Metrics,
    ) -> None:
        """Note requests in the ledger and line them up in the queue."""
        self._ledger = ledger
        self._storage = storage
        self._queue = queue
        self._board = board
        self._limits = limits
        self._metrics = metrics
        self._door = asyncio.Lock()
        self._admissions: set[asyncio.Task[Entry]] = set()
        self._closed = False

    def close(self) -> None:
        """Decline everything from now on: the bot is stopping."""
        self._closed = True

    async def submit(self, request: Request) -> Entry:
        """Take a request; its uploads have to be in the storage already. From here on the intake owns its folder.

        When this returns, the request is on the disk and will be answered, whatever happens to the process. A message
        that was seen before returns the entry of that time, whose request has another id. Raises ``Declined``.
        """
        # Once begun, it is carried through even when the asking connection goes away: a request that is in the ledger
        # but not in the queue would have to wait for the next start.
        admission = asyncio.create_task(self._submit(request))
        self._admissions.add(admission)
        admission.add_done_callback(self._admissions.discard)
        return await asyncio.shield(admission)

    async def again(self, entry: Entry, options: RecolorOptions, *, requester: str) -> Entry:
        """Take a new request for the photos of an older one, with other options. Raises ``Declined``."""
        new_id = new_request_id()
        await self._storage.copy_inputs(entry.request.id, new_id)
        return await self.submit(
            Request(
                platform=entry.request.platform,
                message_id=new_id,
                conversation=entry.request.conversation,
                requester=requester,
                community=entry.request.community,
                images=tuple(
                    [await self._kept(new_id, index, image) for index, image in enumerate(entry.request.images)]
                ),
                options=options,
                id=new_id,
            )
        )

    async def withdraw(self, request_id: str) -> None:
        """Delete a request and its photos, wherever it stands; the adapter has checked who asks.

        The ledger goes first: from then on no step of the work that may be going on can bring it back. Photos that a
        crash leaves behind after that go at the next start.
        """
        await self._ledger.deleted(request_id)
        self._queue.remove(request_id)
        await self._storage.remove(request_id)
        self._board.changed(request_id)
        self._board.queue_moved()
        _log.info("request %s deleted", request_id)

    async def _submit(self, request: Request) -> Entry:
        async with self._door:  # one by one, so that two at once can't both slip in under a limit
            entry = await self._ledger.by_message(request.platform, request.message_id)
            if entry is None:
                await self._decline_if_need_be(request)
                entry = await self._ledger.record(request)
                if entry.request.id == request.id:
                    self._queue.put(turn_of(request), request.id)
                    self._metrics.taken(request.platform)
                    _log.info("request %s taken from %s: photos=%d", request.id, request.platform, len(request.images))
                    return entry
        _log.info("request %s seen again", entry.request.id)
        if entry.request.id != request.id:
            await self._storage.remove(request.id)
        return entry

    async def _decline_if_need_be(self, request: Request) -> None:
        declined = await self._why_not(request)
        if declined is None:
            return
        await self._storage.remove(request.id)
        self._metrics.declined(request.platform, declined.refusal.reason)
        _log.info("request of %s declined: %s", request.platform, declined.refusal.reason)
        raise declined

    async def _why_not(self, request: Request) -> Declined | None:
        if not request.images:
            return Declined(wording.refusal("no_pictures"))
        if len(request.images) > self._limits.max_pictures:
            return Declined(wording.too_many_pictures(self._limits.max_pictures))
        if self._closed:
            return Declined(wording.refusal("stopping"), retry_after=_RESTART_RETRY_SECONDS)
        if self._queue.full:
            return Declined(wording.refusal("queue_full"), retry_after=_QUEUE_RETRY_SECONDS)
        return await self._too_much(request)

    async def _too_much(self, request: Request) -> Declined | None:
        now = datetime.now(UTC)
        since, photos = now - rate_limit.WINDOW, len(request.images)
        taken = await self._ledger.taken_from_requester(request.platform, request.requester, since=since)
        wait = rate_limit.wait_for_room(taken, photos, self._limits.requester_per_hour, now)
        if wait:
            return Declined(wording.too_many_requests(wait), retry_after=math.ceil(wait.total_seconds()))
        if request.community is None:
            return None
        taken = await self._ledger.taken_from_community(request.platform, request.community, since=since)
        wait = rate_limit.wait_for_room(taken, photos, self._limits.community_per_hour, now)
        if wait:
            return Declined(wording.crowded_community(wait), retry_after=math.ceil(wait.total_seconds()))
        return None

    async def _kept(self, request_id: str, index: int, image: ImageReference) -> ImageReference:
        if await self._storage.holds(request_id, input_name(index)):
            return ImageReference(ImageKind.UPLOAD, input_name(index))
        return image


def turn_of(request: Request) -> tuple[str, str]:
    """Return by whom turns are counted."""
    return (request.platform, request.requester)
