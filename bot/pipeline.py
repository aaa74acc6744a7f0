"""The life of a request, from its turn in the queue to its answer.

    claim -> locate -> for each photo: fetch, recolor, keep -> decide -> answer -> close

The bot may be killed between any two instructions. Nothing is lost and nobody is answered twice, because

- a request is in the ledger before it comes here and stays unfinished there until its answer is delivered, so the next
  start brings it here again, to be told from the beginning;
- photos are kept whole or not at all, so what a dead attempt left behind is either used or written over;
- what the requester will be told is *decided* in the ledger, once and for all, before anybody is told: an attempt after
  that delivers the same outcome and never works out another;
- between the delivery and its note in the ledger an answer may be on the platform that the ledger doesn't know of;
  that is why adapters look for their answer before they post one;
- each attempt is counted before it begins, so a photo that kills the bot is given up rather than killing it for ever.

A request may also be deleted between any two instructions. The ledger then accepts nothing more about it, and whoever
notices takes the photos along that came late.

And where several bots share a ledger, another one may adopt a request from a bot that it takes for dead. If that one
lives after all, the ledger accepts nothing more from it about the request, and it holds the request before it answers;
so it stops, and leaves everything to the other.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from bot import wording
from bot.adapters import Adapter, Located, Refused, TakenBack, TryLater, Undeliverable
from bot.archive import Archive
from bot.fetching import Fetched, Fetcher, FetchRefused, Reason
from bot.ledger import Ledger
from bot.metrics import Metrics
from bot.recolorer import Recolorer
from bot.status import StatusBoard
from bot.storage import Storage, input_name
from bot.tracing import Tracing
from bot.vocabulary import (
    Answer,
    Entry,
    ImageKind,
    LeftOut,
    Outcome,
    Progress,
    Refusal,
    Request,
    ResultPicture,
    State,
    Step,
)
from inference.problems import Problem
from inference.request_id import following
from inference.vocabulary import Recolored

_log = logging.getLogger(__name__)

MAX_WORK_ATTEMPTS = 3
MAX_TIME_TO_LOCATE = timedelta(days=1)
MAX_ATTEMPTS = 50
"""Attempts in all, most of them at delivering: with the dispatcher's pauses, several hours."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE})
_WORTH_ANOTHER_LINK = frozenset({Reason.NOT_FOUND, Reason.LINK_UNREACHABLE, Reason.NOT_A_PICTURE})
_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}


class Pipeline:
    """Knows everybody that a request meets in its life."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        storage: Storage,
        fetcher: Fetcher,
        recolorer: Recolorer,
        archive: Archive,
        adapters: Mapping[str, Adapter],
        board: StatusBoard,
        metrics: Metrics,
        tracing: Tracing,
    ) -> None:
        """``adapters`` are by their names."""
        self._ledger = ledger
        self._storage = storage
        self._fetcher = fetcher
        self._recolorer = recolorer
        self._archive = archive
        self._adapters = adapters
        self._board = board
        self._metrics = metrics
        self._tracing = tracing

    async def live(self, request_id: str) -> None:
        """Make one attempt to bring a request to its end.

        Raises ``TryLater`` when the platform has to be asked again. After that, and after any exception that nobody
        foresaw, the request is unfinished and may live again.
        """
        with following(request_id):
            await self._live(request_id)

    async def _live(self, request_id: str) -> None:
        entry = await self._ledger.claim(request_id)
        if entry is None:
            return  # deleted or adopted while it waited
        _log.info("request %s in work: attempt=%d", request_id, entry.attempts)
        if entry.attempts == 1:
            self._metrics.queued(entry.request.platform, _seconds_since(entry.request))
        self._board.changed(request_id)
        try:
            with self._tracing.attempt(entry.request, entry.attempts):
                await self._finish(entry)
        except _Deleted:
            _log.info("request %s was deleted while in work", request_id)
            await self._storage.remove(request_id)
        except _Adopted:
            _log.warning("request %s was adopted by another bot while in work", request_id)
        finally:
            self._board.show(request_id, None)
            self._board.changed(request_id)

    async def _finish(self, entry: Entry) -> None:
        request, outcome = entry.request, entry.outcome
        try:
            if outcome is None:
                request, outcome = await self._decide(entry)
            closed = await self._deliver(request, outcome, entry.attempts)
        except TakenBack:
            if not await self._ledger.hold(request.id):
                raise await self._lost(request) from None
            await self._ledger.deleted(request.id)
            raise _Deleted from None
        except Undeliverable as why:
            _log.warning("request %s can't be answered: %s", request.id, why)
            outcome = wording.refusal("undeliverable")
            closed = await self._ledger.undeliverable(request.id, outcome)
        if not closed:
            raise await self._lost(request)
        word = outcome.reason if isinstance(outcome, Refusal) else "answered"
        seconds = _seconds_since(request)
        self._metrics.finished(request.platform, word, seconds)
        self._tracing.note(outcome=word)
        facts = {"platform": request.platform, "outcome": word}
        _log.info("request %s finished: %s seconds=%.2f", request.id, word, seconds, extra={"facts": facts})

    # Deciding what the requester will be told

    async def _decide(self, entry: Entry) -> tuple[Request, Outcome]:
        request = entry.request
        try:
            if entry.attempts > MAX_WORK_ATTEMPTS:
                raise Refused(wording.refusal("gave_up"))
            request = await self._with_photos(request)
            outcome = await self._recolor_all(request)
        except Refused as refused:
            outcome = refused.refusal
        except OSError as error:
            if error.errno in _NO_ROOM:
                # It is the disk that fails, not the photo: that doesn't count.
                await self._ledger.released(request.id)
            raise
        if not await self._ledger.decided(request.id, outcome):
            raise await self._lost(request)
        if isinstance(outcome, Refusal):
            self._metrics.refused(request.platform, outcome.reason)
        return request, outcome

    async def _with_photos(self, request: Request) -> Request:
        if request.images:
            return request
        found = await self._locate(request)
        located = await self._ledger.located(request.id, found.images, found.context)
        if located is None:
            raise await self._lost(request)
        return located

    async def _locate(self, request: Request) -> Located:
        if datetime.now(UTC) - request.created > MAX_TIME_TO_LOCATE:
            raise Refused(wording.refusal("gave_up"))
        try:
            with self._stage(request, "locate"):
                return await self._adapters[request.platform].locate(request)
        except TryLater:
            # It is the platform that fails, not the photo: that doesn't count.
            await self._ledger.released(request.id)
            raise

    async def _recolor_all(self, request: Request) -> Outcome:
        results, left_out, model = [], [], ""
        for index in range(len(request.images)):
            try:
                photo = await self._fetch(request, index)
                with self._stage(request, "recolor", photo=index + 1):
                    picture, model = await self._recolor(request, index, photo)
                results.append(picture)
            except FetchRefused as refused:
                left_out.append(LeftOut(index, wording.of_link(refused)))
            except Problem as problem:
                left_out.append(LeftOut(index, wording.of_problem(problem)))
            except FileNotFoundError:
                left_out.append(LeftOut(index, wording.refusal("photo_gone")))
        for _ in left_out:
            self._metrics.photo("left_out")
        if not results:
            return left_out[0].refusal
        return Answer(tuple(results), model, tuple(left_out))

    async def _fetch(self, request: Request, index: int) -> bytes:
        image, name = request.images[index], input_name(index)
        if image.kind is ImageKind.UPLOAD or await self._storage.holds(request.id, name):
            return await self._storage.read(request.id, name)
        self._show(request, index, Step.FETCHING)
        with self._stage(request, "fetch", photo=index + 1):
            try:
                fetched = await self._fetcher.fetch(image.location)
            except FetchRefused as refused:
                fetched = await self._fetch_afresh(request, index, refused)
        await self._storage.save_input(request.id, index, fetched.data)
        return fetched.data

    async def _fetch_afresh(self, request: Request, index: int, refused: FetchRefused) -> Fetched:
        """Try again with the link that the photo has now, if it has another one: signed links run out."""
        if refused.reason not in _WORTH_ANOTHER_LINK:
            raise refused
        found = (await self._locate(request)).images
        if index >= len(found) or found[index] == request.images[index]:
            raise refused
        return await self._fetcher.fetch(found[index].location)

    async def _recolor(self, request: Request, index: int, photo: bytes) -> tuple[ResultPicture, str]:
        self._show(request, index, Step.RECOLORING)
        if known := await self._archive.find(request, index, photo):
            self._metrics.photo("known")
            return known
        recolored = await self._recolorer.recolor(
            photo,
            request.options,
            on_wait=lambda waiting: self._show(request, index, Step.WAITING if waiting else Step.RECOLORING),
        )
        self._metrics.photo("recolored")
        self._tracing.note(**{f"worker.{stage}_ms": round(spent, 1) for stage, spent in recolored.timings.items()})
        picture = await self._keep(request, index, recolored)
        await self._archive.remember(request, picture, photo, recolored.model)
        return picture, recolored.model

    async def _keep(self, request: Request, index: int, recolored: Recolored) -> ResultPicture:
        name = f"result-{index}.{_SUFFIXES[recolored.media_type]}"
        await self._storage.save_picture(request.id, name, recolored.data)
        return ResultPicture(
            index=index,
            file=name,
            media_type=recolored.media_type,
            width=recolored.width,
            height=recolored.height,
            input=recolored.input,
        )

    # Telling it

    async def _deliver(self, request: Request, outcome: Outcome, attempts: int) -> bool:
        if attempts > MAX_ATTEMPTS:
            raise Undeliverable("it was tried too often")
        if not await self._ledger.hold(request.id):
            raise await self._lost(request)
        self._show(request, len(request.images) - 1, Step.ANSWERING)
        with self._stage(request, "answer"):
            answer_id = await self._adapters[request.platform].answer(request, outcome)
        return await self._ledger.delivered(request.id, answer_id)

    async def _lost(self, request: Request) -> Exception:
        """Return why the ledger takes nothing more about a request."""
        entry = await self._ledger.by_id(request.id)
        return _Deleted() if entry is None or entry.state is State.DELETED else _Adopted()

    def _show(self, request: Request, index: int, step: Step) -> None:
        self._board.show(request.id, Progress(step, picture=index + 1, pictures=len(request.images)))

    @contextmanager
    def _stage(self, request: Request, name: str, **facts: int) -> Iterator[None]:
        with self._metrics.stage(request.platform, name), self._tracing.stage(name, **facts):
            yield


def _seconds_since(request: Request) -> float:
    return (datetime.now(UTC) - request.created).total_seconds()


class _Deleted(Exception):  # noqa: N818 - says what happened
    """The ledger takes nothing more about the request: its requester has taken it back."""


class _Adopted(Exception):  # noqa: N818 - says what happened
    """The ledger takes nothing more about the request from this bot: another one works on it."""
