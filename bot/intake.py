"""The door: what adapters hand over is checked against the limits, noted down, and lined up.

There are two ways in. `Intake.submit` is for programs and pages, which hear at once when they are declined, and may ask
again. `Intake.take` is for chats: what speaks against a request becomes its answer there, delivered like any other.

The order matters. A photo that was uploaded is on the disk before its request is in the ledger, so that a request in
the ledger always has its photos; a photo whose request never got there goes at the next start. The request is in the
ledger before the adapter hears that it was taken, so that whatever was promised will be answered. It is lined up last:
should the bot die before that, the ledger still lists it as unfinished, and the next start lines it up.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from bot import rate_limit, wording
from bot.fair_queue import FairQueue
from bot.ledger import Ledger, LedgerAway, patiently
from bot.metrics import Metrics
from bot.settings import LimitSettings
from bot.status import StatusBoard
from bot.storage import Storage, input_name
from bot.vocabulary import Entry, ImageKind, ImageReference, Refusal, Request, new_request_id
from inference.request_id import following
from inference.vocabulary import RecolorOptions

T = TypeVar("T")
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
        limits: Callable[[], LimitSettings],
        metrics: Metrics,
    ) -> None:
        """Note requests in the ledger and line them up in the queue."""
        self._ledger = ledger
        self._storage = storage
        self._queue = queue
        self._board = board
        self._current_limits = limits
        self._metrics = metrics
        self._door = asyncio.Lock()
        self._deeds: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def _limits(self) -> LimitSettings:
        return self._current_limits()

    def close(self) -> None:
        """Decline everything from now on: the bot is stopping."""
        self._closed = True

    async def submit(self, request: Request) -> Entry:
        """Take a request; its uploads have to be in the storage already. From here on the intake owns its folder.

        When this returns, the request is on the disk and will be answered, whatever happens to the process. A message
        that was seen before returns the entry of that time, whose request has another id. Raises ``Declined`` or
        ``LedgerAway``.
        """
        return await self._carry_through(request.id, self._submit(request))

    async def take(self, request: Request, *, refusal: Refusal | None = None, always_tell: bool = False) -> Entry:
        """Take a request that was made in a chat; its photos may still have to be located.

        A limit that it exceeds, or the adapter's own ``refusal``, becomes its answer. Nobody is told the same reason
        twice within an hour, unless ``always_tell``: further ones are noted as refused without a word. While the bot is
        stopping, requests are noted for the next start. A message that was seen before returns the entry of that time,
        whose request has another id. A ledger that is away is waited for: in a chat nobody asks again by themselves.
        """
        return await patiently(
            lambda: self._carry_through(request.id, self._take(request, refusal, always_tell)), what="a request"
        )

    async def again(
        self, entry: Entry, options: RecolorOptions, *, requester: str, message_id: str | None = None
    ) -> Entry:
        """Take a new request for the photos of an older one, with other options. Raises ``Declined``.

        With a ``message_id`` that was seen before, it is the request of that time.
        """
        return await self._carry_through(entry.request.id, self._again(entry, options, requester, message_id))

    async def copied(
        self,
        entry: Entry,
        options: RecolorOptions,
        *,
        requester: str,
        message_id: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Request:
        """Return a new request for the photos of an older one, which are copied; it is not taken yet.

        ``message_id`` is for platforms where a message asks for it, ``context`` is the new request's.
        """
        new_id = new_request_id()
        await self._storage.copy_inputs(entry.request.id, new_id)
        return Request(
            platform=entry.request.platform,
            message_id=message_id or new_id,
            conversation=entry.request.conversation,
            requester=requester,
            community=entry.request.community,
            images=tuple([await self._kept(new_id, index, image) for index, image in enumerate(entry.request.images)]),
            options=options,
            context=context or {},
            id=new_id,
        )

    async def withdraw(self, request_id: str) -> None:
        """Delete a request and its photos, wherever it stands; the adapter has checked who asks.

        The ledger goes first: from then on no step of the work that may be going on can bring it back. Photos that a
        crash leaves behind after that go at the next start.
        """
        await self._carry_through(request_id, self._withdraw(request_id))

    async def _carry_through(self, request_id: str, deed: Coroutine[Any, Any, T]) -> T:
        # Once begun, it goes on even when the asking connection goes away: a request that is in the ledger but not in
        # the queue would have to wait for the next start, and so would the photos of a deleted one, or copies that no
        # request was made for.
        with following(request_id):
            task = asyncio.create_task(deed)
        self._deeds.add(task)
        task.add_done_callback(self._deeds.discard)
        return await asyncio.shield(task)

    async def _again(self, entry: Entry, options: RecolorOptions, requester: str, message_id: str | None) -> Entry:
        return await self.submit(await self.copied(entry, options, requester=requester, message_id=message_id))

    async def _withdraw(self, request_id: str) -> None:
        await self._ledger.deleted(request_id)
        self._queue.remove(request_id)
        await self._storage.remove(request_id)
        self._board.changed(request_id)
        self._board.queue_moved()
        _log.info("request %s deleted", request_id)

    async def _submit(self, request: Request) -> Entry:
        async with self._door:  # one by one, so that two at once can't both slip in under a limit
            try:
                entry = await self._seen_or_declined(request)
            except (Declined, LedgerAway):
                # Nothing is noted down, so nobody would ever look for its photos.
                await self._storage.remove(request.id)
                raise
            if entry is None:
                entry = await self._ledger.record(request)
                if entry.request.id == request.id:
                    self._line_up(request)
                    return entry
        return await self._seen_again(request, entry)

    async def _seen_or_declined(self, request: Request) -> Entry | None:
        """Return the entry of a message that was seen before; ``None`` for one to be taken. Raises ``Declined``."""
        entry = await self._ledger.by_message(request.platform, request.message_id)
        if entry is None and (declined := self._why_not_submit(request) or await self._why_not(request)):
            self._count_declined(request, declined.refusal)
            raise declined
        return entry

    async def _take(self, request: Request, refusal: Refusal | None, always_tell: bool) -> Entry:
        async with self._door:
            entry = await self._ledger.by_message(request.platform, request.message_id)
            if entry is None:
                declined = await self._why_not(request) if refusal is None else Declined(refusal)
                if declined is None:
                    entry = await self._ledger.record(request)
                else:
                    entry = await self._record_refusal(request, declined.refusal, always_tell)
                if entry.request.id == request.id:
                    if not (self._closed or entry.state.finished):
                        self._line_up(request)
                    return entry
        return await self._seen_again(request, entry)

    async def _record_refusal(self, request: Request, refusal: Refusal, always_tell: bool) -> Entry:
        self._count_declined(request, refusal)
        since = datetime.now(UTC) - rate_limit.WINDOW
        tell = always_tell or not await self._ledger.was_refused(
            request.platform, request.requester, refusal.reason, since=since
        )
        entry = await self._ledger.record(request, refusal, tell=tell)
        await self._storage.remove(request.id)  # what was copied for it beforehand
        return entry

    def _line_up(self, request: Request) -> None:
        if request.id not in self._queue:
            self._queue.put(turn_of(request), request.id)
        self._metrics.taken(request.platform)
        facts, photos = {"platform": request.platform}, len(request.images)
        _log.info("request %s taken from %s: photos=%d", request.id, request.platform, photos, extra={"facts": facts})

    async def _seen_again(self, request: Request, entry: Entry) -> Entry:
        _log.info("request %s seen again", entry.request.id)
        if entry.request.id != request.id:
            await self._storage.remove(request.id)
        return entry

    def _count_declined(self, request: Request, refusal: Refusal) -> None:
        self._metrics.refused(request.platform, refusal.reason)
        _log.info("request %s from %s declined: reason=%s", request.id, request.platform, refusal.reason)

    def _why_not_submit(self, request: Request) -> Declined | None:
        if not request.images:
            return Declined(wording.refusal("no_pictures"))
        if self._closed:
            return Declined(wording.refusal("stopping"), retry_after=_RESTART_RETRY_SECONDS)
        return None

    async def _why_not(self, request: Request) -> Declined | None:
        if len(request.images) > self._limits.max_pictures:
            return Declined(wording.too_many_pictures(self._limits.max_pictures))
        if self._queue.full:
            return Declined(wording.refusal("queue_full"), retry_after=_QUEUE_RETRY_SECONDS)
        return await self._too_much(request)

    async def _too_much(self, request: Request) -> Declined | None:
        now = datetime.now(UTC)
        since, photos = now - rate_limit.WINDOW, max(1, len(request.images))
        ledger, whose, limit = self._ledger, (request.platform, request.requester), self._limits.requester_per_hour
        # When they were taken is looked at only by those who have to wait: an hour may hold thousands.
        if await ledger.photos_from_requester(*whose, since=since) + photos > limit:
            taken = await ledger.taken_from_requester(*whose, since=since)
            wait = rate_limit.wait_for_room(taken, photos, limit, now)
            return Declined(wording.too_many_requests(wait), retry_after=math.ceil(wait.total_seconds()))
        if request.community is None:
            return None
        whose, limit = (request.platform, request.community), self._limits.community_per_hour
        if await ledger.photos_from_community(*whose, since=since) + photos > limit:
            taken = await ledger.taken_from_community(*whose, since=since)
            wait = rate_limit.wait_for_room(taken, photos, limit, now)
            return Declined(wording.crowded_community(wait), retry_after=math.ceil(wait.total_seconds()))
        return None

    async def _kept(self, request_id: str, index: int, image: ImageReference) -> ImageReference:
        if await self._storage.holds(request_id, input_name(index)):
            return ImageReference(ImageKind.UPLOAD, input_name(index))
        return image


def turn_of(request: Request) -> tuple[str, str]:
    """Return by whom turns are counted."""
    return (request.platform, request.requester)
