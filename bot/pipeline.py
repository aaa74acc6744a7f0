"""The life of a request, from its turn in the queue to its answer.

    claim -> for each photo: fetch, recolor, keep -> decide -> answer -> close

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
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from bot import wording
from bot.adapters import Adapter, Undeliverable
from bot.fetching import Fetcher, FetchRefused
from bot.ledger import Ledger
from bot.metrics import Metrics
from bot.recolorer import Recolorer
from bot.status import StatusBoard
from bot.storage import Storage, input_name
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
    Step,
)
from inference.problems import Problem
from inference.vocabulary import Recolored

_log = logging.getLogger(__name__)

MAX_WORK_ATTEMPTS = 3
MAX_ATTEMPTS = 50
"""Attempts in all, most of them at delivering: with the dispatcher's pauses, several hours."""

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
        adapters: Mapping[str, Adapter],
        board: StatusBoard,
        metrics: Metrics,
    ) -> None:
        """``adapters`` are by their names."""
        self._ledger = ledger
        self._storage = storage
        self._fetcher = fetcher
        self._recolorer = recolorer
        self._adapters = adapters
        self._board = board
        self._metrics = metrics

    async def live(self, request_id: str) -> None:
        """Make one attempt to bring a request to its end.

        Raises ``NotDelivered`` when the platform has to be tried again later. After that, and after any exception that
        nobody foresaw, the request is unfinished and may live again.
        """
        entry = await self._ledger.claim(request_id)
        if entry is None:
            return  # deleted while it waited
        _log.info("request %s in work: attempt=%d", request_id, entry.attempts)
        self._board.changed(request_id)
        try:
            outcome = entry.outcome or await self._decide(entry)
            await self._deliver(entry, outcome)
        except _Deleted:
            _log.info("request %s was deleted while in work", request_id)
            await self._storage.remove(request_id)
        finally:
            self._board.show(request_id, None)
            self._board.changed(request_id)

    # Deciding what the requester will be told

    async def _decide(self, entry: Entry) -> Outcome:
        request = entry.request
        if entry.attempts > MAX_WORK_ATTEMPTS:
            outcome: Outcome = wording.refusal("gave_up")
        else:
            outcome = await self._recolor_all(request)
        if not await self._ledger.decided(request.id, outcome):
            raise _Deleted
        return outcome

    async def _recolor_all(self, request: Request) -> Outcome:
        results, left_out, model = [], [], ""
        for index in range(len(request.images)):
            try:
                photo = await self._fetch(request, index)
                recolored = await self._recolor(request, index, photo)
                results.append(await self._keep(request, index, recolored))
                model = recolored.model
            except FetchRefused as refused:
                left_out.append(LeftOut(index, wording.of_link(refused)))
            except Problem as problem:
                left_out.append(LeftOut(index, wording.of_problem(problem)))
            except FileNotFoundError:
                left_out.append(LeftOut(index, wording.refusal("photo_gone")))
        if not results:
            return left_out[0].refusal
        return Answer(tuple(results), model, tuple(left_out))

    async def _fetch(self, request: Request, index: int) -> bytes:
        image, name = request.images[index], input_name(index)
        if image.kind is ImageKind.UPLOAD or await self._storage.holds(request.id, name):
            return await self._storage.read(request.id, name)
        self._show(request, index, Step.FETCHING)
        fetched = await self._fetcher.fetch(image.location)
        await self._storage.save_input(request.id, index, fetched.data)
        return fetched.data

    async def _recolor(self, request: Request, index: int, photo: bytes) -> Recolored:
        self._show(request, index, Step.RECOLORING)
        return await self._recolorer.recolor(
            photo,
            request.options,
            on_wait=lambda waiting: self._show(request, index, Step.WAITING if waiting else Step.RECOLORING),
        )

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

    async def _deliver(self, entry: Entry, outcome: Outcome) -> None:
        request = entry.request
        try:
            answer_id = await self._answer(entry, outcome)
        except Undeliverable as why:
            _log.warning("request %s can't be answered: %s", request.id, why)
            outcome = wording.refusal("undeliverable")
            closed = await self._ledger.undeliverable(request.id, outcome)
        else:
            closed = await self._ledger.delivered(request.id, answer_id)
        if not closed:
            raise _Deleted
        word = outcome.reason if isinstance(outcome, Refusal) else "answered"
        self._metrics.finished(request.platform, word)
        _log.info("request %s finished: %s", request.id, word)

    async def _answer(self, entry: Entry, outcome: Outcome) -> str:
        if entry.attempts > MAX_ATTEMPTS:
            raise Undeliverable("it was tried too often")
        self._show(entry.request, len(entry.request.images) - 1, Step.ANSWERING)
        return await self._adapters[entry.request.platform].answer(entry.request, outcome)

    def _show(self, request: Request, index: int, step: Step) -> None:
        self._board.show(request.id, Progress(step, picture=index + 1, pictures=len(request.images)))


class _Deleted(Exception):  # noqa: N818 - says what happened
    """The ledger takes nothing more about the request: its requester has taken it back."""
