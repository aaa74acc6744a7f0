"""The outside edges of the bot for its tests: a worker that needs no model, and a platform that is a mailbox.

The worker is a real HTTP server on a real UNIX socket, answering as the contract says; what a photo's bytes say is what
it does with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from bot.adapters import Adapter, Located
from bot.assembly import Parts, assemble, make_dispatcher, make_pipeline
from bot.fetching import Fetcher
from bot.intake import Intake
from bot.lease import leave
from bot.ledger import open_ledger
from bot.metrics import Metrics
from bot.pipeline import Pipeline
from bot.settings import Settings
from bot.vocabulary import ImageKind, ImageReference, Outcome, Request, new_request_id
from inference.client import InferenceClient
from inference.problems import PROBLEM_MEDIA_TYPE, BrokenImage, Busy, Problem
from inference.vocabulary import HEIGHT_HEADER, INPUT_HEADER, MODEL_HEADER, WIDTH_HEADER

MODEL = "stand-in-0011aabb"


class StandInWorker:
    """Answers ``POST /v1/recolor`` by what the photo says.

    ``broken`` is refused, ``busy`` is told to come back once, ``fatal`` loses its connection every time and ``shaky``
    the first time, ``slow`` waits for ``gate`` and then takes a moment, and so does ``slow-fatal`` before it is
    ``fatal``; anything else comes back as ``recolored <photo>``.
    """

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.ready = True
        self.model = MODEL
        self.gate = asyncio.Event()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.crowds: list[int] = []
        """How many photos were in hand when each was asked for, itself among them."""
        self._in_hand: list[web.Request] = []
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/v1/model", self._model)
        app.router.add_post("/v1/recolor", self._recolor)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.socket)).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def fall(self) -> None:
        """Die as a process does: everything in hand loses its connection in one moment."""
        for request in self._in_hand:
            _hang_up(request)

    def times_asked(self, photo: str) -> int:
        return [name for name, _ in self.asked].count(photo)

    async def _readyz(self, _request: web.Request) -> web.Response:
        return web.Response(status=200 if self.ready else 503)

    async def _model(self, _request: web.Request) -> web.Response:
        return web.json_response({"name": self.model})

    async def _recolor(self, request: web.Request) -> web.StreamResponse:
        photo = (await request.read()).decode(errors="replace")
        self._in_hand.append(request)
        self.asked.append((photo, dict(request.query)))
        self.crowds.append(len(self._in_hand))
        try:
            return await self._answer(request, photo)
        finally:
            self._in_hand.remove(request)

    async def _answer(self, request: web.Request, photo: str) -> web.StreamResponse:
        if photo == "broken":
            return problem(BrokenImage())
        if photo == "busy" and self.times_asked(photo) == 1:
            return problem(Busy(retry_after=1))
        if photo.startswith("slow"):
            await self.gate.wait()
            await asyncio.sleep(0.05)
        if photo.endswith("fatal") or (photo == "shaky" and self.times_asked(photo) == 1):
            _hang_up(request)
        headers = {MODEL_HEADER: self.model, INPUT_HEADER: "gray", WIDTH_HEADER: "640", HEIGHT_HEADER: "480"}
        return web.Response(body=f"recolored {photo}".encode(), content_type="image/jpeg", headers=headers)


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def problem(told: Problem) -> web.Response:
    headers = {} if told.retry_after is None else {"Retry-After": str(told.retry_after)}
    return web.json_response(told.to_json(), status=told.status, headers=headers, content_type=PROBLEM_MEDIA_TYPE)


class Mailbox:
    """A platform that delivers answers into a list, and looks there before it delivers one again."""

    name = "mail"

    def __init__(self) -> None:
        self.answers: dict[str, Outcome] = {}
        self.failures: list[Exception] = []
        """What answering raises, one after the other, before it works."""
        self.places: list[Located | Exception] = []
        """What locating finds or raises, one after the other; after that, the photos of the request."""

    async def run(self, intake: Intake, announce: Callable[[str], None]) -> None:
        announce("the mailbox")
        await asyncio.Event().wait()

    async def locate(self, request: Request) -> Located:
        found = self.places.pop(0) if self.places else Located(request.images)
        if isinstance(found, Exception):
            raise found
        return found

    async def answer(self, request: Request, outcome: Outcome) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.answers.setdefault(request.message_id, outcome)
        return f"answer to {request.message_id}"


class House:
    """The whole bot but for its worker and its platforms, on real files in one folder."""

    def __init__(self, parts: Parts, pipeline: Pipeline, worker: StandInWorker, mailbox: Mailbox) -> None:
        self.parts = parts
        self.pipeline = pipeline
        self.dispatcher = make_dispatcher(parts, pipeline)
        self.worker = worker
        self.mailbox = mailbox

    async def upload(self, *photos: str, message_id: str | None = None, requester: str = "ann") -> Request:
        """Store photos and return the request for them, not yet submitted."""
        request_id = new_request_id()
        images = [
            await self.parts.storage.save_input(request_id, index, photo.encode()) for index, photo in enumerate(photos)
        ]
        return asking(*images, request_id=request_id, message_id=message_id or request_id, requester=requester)


def asking(
    *images: ImageReference, request_id: str, message_id: str, requester: str = "ann", community: str | None = None
) -> Request:
    return Request(
        platform="mail",
        message_id=message_id,
        conversation="inbox",
        requester=requester,
        community=community,
        images=images,
        id=request_id,
    )


def link(location: str) -> ImageReference:
    return ImageReference(ImageKind.URL, location)


@asynccontextmanager
async def open_house(
    folder: Path, settings: Settings | None = None, *, database_url: str | None = None, name: str = "worker"
) -> AsyncIterator[House]:
    """Open the bot on ``folder`` (which may have been used before), with a stand-in worker and a mailbox."""
    settings = (settings or Settings()).model_copy(update={"data_dir": folder})
    async with AsyncExitStack() as stack:
        worker = StandInWorker(folder / f"{name}.sock")
        await worker.start()
        stack.push_async_callback(worker.stop)
        client = await stack.enter_async_context(InferenceClient(socket=worker.socket))
        url, lease = database_url or f"sqlite:///{folder / 'ledger.sqlite3'}", timedelta(seconds=settings.lease_seconds)
        ledger = await stack.enter_async_context(open_ledger(url, lease=lease))
        await ledger.roster.join()
        stack.push_async_callback(leave, ledger)
        fetcher = await stack.enter_async_context(Fetcher(settings.fetch))
        parts = assemble(settings, metrics=Metrics(), ledger=ledger, worker=client)
        mailbox = Mailbox()
        adapters: dict[str, Adapter] = {mailbox.name: mailbox}
        yield House(parts, make_pipeline(parts, fetcher, adapters), worker, mailbox)
