"""The loopback Reddit itself: four sites on 127.0.0.1, in a thread with an event loop of their own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import ssl
import tempfile
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme
from aiohttp import web
from multidict import MultiDict

from tests.platforms.reddit import reading, writing
from tests.platforms.reddit.calls import Answer, Call, Rejected, not_found
from tests.platforms.reddit.failing import Breakdown, before, broken
from tests.platforms.reddit.faults import Faults
from tests.platforms.reddit.media import Studio
from tests.platforms.reddit.posts import Posts
from tests.platforms.reddit.rules import Credentials, Doorkeeper, RateLimit, Tokens
from tests.platforms.reddit.sparse import sparse
from tests.platforms.reddit.things import Comment, Message, Submission
from tests.platforms.reddit.world import World

_MOST_BYTES = 64 * 2**20


class RedditDouble:
    """Reddit as far as a bot sees it.

    with RedditDouble() as reddit:
        post = reddit.posts.image("pics", photo)
        summons = reddit.comment(post, "colorizebot", author="ann")
        ...
        assert reddit.answers_to(summons) and not reddit.complaints
    """

    def __init__(
        self, username: str = "colorizebot", *, rate: RateLimit | None = None, token_lifetime: float = 86400.0
    ) -> None:
        self.credentials = Credentials(username)
        self.world = World(username)
        self.studio = Studio(self.world)
        self.posts = Posts(self.world, self.studio)
        self.faults = Faults()
        self.tokens = Tokens(self.credentials, token_lifetime)
        self.rate = rate or RateLimit()
        self.taciturn = False
        """Whether answers hold the least that they can."""
        self.journal: list[Call] = []
        self.url = self.oauth_url = ""
        self.authority = ""
        """File with the certificate that uploads and websockets are signed with: REQUESTS_CA_BUNDLE for the bot."""
        self._door = Doorkeeper(self.tokens, self.rate)
        self._folder = tempfile.TemporaryDirectory(prefix="reddit-")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runners: list[web.AppRunner] = []

    # What a test does as people do it

    def comment(
        self, on: Submission | Comment, body: str, *, author: str = "ann", picture: bytes | None = None
    ) -> Comment:
        pictures: dict[str, Any] = {}
        if picture is not None:
            asset = self.world.lease("photo.jpg", "image/jpeg")
            asset.data = picture
            self.studio.host(self.studio.file_name(asset), picture, asset.mimetype)
            pictures = {asset.id: self.studio.metadata(asset)}
            body = f"{body}\n\n{pictures[asset.id]['s']['u']}"
        return self.world.comment(on, body, author=author, pictures=pictures)

    def message(self, body: str, *, author: str = "ann", **about: Any) -> Message:
        return self.world.message(body, author=author, **about)

    def edit(self, thing: Comment | Submission, text: str) -> None:
        self.world.edit(thing, text)

    def delete(self, thing: Comment | Submission) -> None:
        self.world.take_away(thing, "deleted")

    def remove(self, thing: Comment | Submission) -> None:
        self.world.take_away(thing, "removed")

    # What a test looks at

    @property
    def complaints(self) -> list[str]:
        """What a well-behaved program would not have done."""
        return list(self._door.complaints)

    def answers_to(self, thing: Comment | Submission | Message, *, gone: bool = False) -> list[Any]:
        """Return what the bot replied to a thing; ``gone`` ones too where asked for."""
        with self.world.lock:
            if isinstance(thing, Message):
                return [one for one in self.world.messages.values() if one.parent is thing and one.author == self.name]
            replies = thing.replies if isinstance(thing, Comment) else thing.comments
            return [one for one in replies if one.author == self.name and (gone or not one.gone)]

    def own(self) -> tuple[list[Comment], list[Submission]]:
        """Return the bot's comments and posts that are still there, the newest first."""
        with self.world.lock:
            return self.world.by_author(self.name)

    def unread(self) -> list[str]:
        with self.world.lock:
            return [received.fullname for received in self.world.inbox if received.new]

    def calls(self, path: str, method: str | None = None) -> list[Call]:
        return [call for call in list(self.journal) if path in call.path and method in (None, call.method)]

    @property
    def name(self) -> str:
        return self.credentials.username

    # Running

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._folder.cleanup()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *error: Any) -> None:
        await asyncio.to_thread(self.__exit__, *error)

    async def _open(self) -> None:
        authority = trustme.CA()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(tls)
        certificate = Path(self._folder.name) / "authority.pem"
        authority.cert_pem.write_to_path(str(certificate))
        self.authority = str(certificate)
        self.url = f"http://127.0.0.1:{await self._site('www', self._answer_www)}"
        self.oauth_url = f"http://127.0.0.1:{await self._site('oauth', self._answer_oauth)}"
        self.studio.bucket = f"127.0.0.1:{await self._site('upload', self.studio.receive, tls)}"
        self.studio.pictures = f"http://127.0.0.1:{await self._site('pictures', self._answer_pictures)}"

    async def _close(self) -> None:
        for runner in self._runners:
            await runner.cleanup()

    async def _site(self, name: str, answer: Callable[[Call], Answer], tls: ssl.SSLContext | None = None) -> int:
        application = web.Application(client_max_size=_MOST_BYTES)
        if name == "upload":
            application.router.add_get("/{asset:[a-z0-9]+}", self._websocket)
        application.router.add_route("*", "/{path:.*}", self._handler(name, answer))
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        return int(runner.addresses[0][1])

    # Answering

    def _handler(
        self, site: str, answer: Callable[[Call], Answer]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            call = await _call(site, request)
            call.threads = self._threads(call)
            self.journal.append(call)
            self._door.begin(call)
            try:
                return await self._respond(call, request, answer)
            except Breakdown:
                return web.Response()  # nobody hears it
            finally:
                self._door.end(call)

        return handle

    async def _respond(self, call: Call, request: web.Request, answer: Callable[[Call], Answer]) -> web.StreamResponse:
        fault = self.faults.strike(call)
        if fault is not None and not fault.kind.after:
            return await before(fault, call, request, self.rate)
        try:
            self._door.judge(call)
            with self.world.lock:
                given = answer(call)
        except Rejected as rejected:
            given = rejected.answer
        if self.taciturn and call.site == "oauth":
            given.body = sparse(given.body)
        if call.site == "oauth":
            given.headers.update(self.rate.headers())
        if fault is not None:
            return await broken(fault, call, request, given)
        if call.site == "oauth" and not call.has_hung_up():
            self.rate.told(call.authorization)
        call.status = given.status
        return response(given)

    def _answer_www(self, call: Call) -> Answer:
        if call.path == "/api/v1/access_token" and call.method == "POST":
            return self.tokens.give(call)
        raise not_found()

    def _answer_oauth(self, call: Call) -> Answer:
        if call.method == "GET":
            for pattern, handler in reading.ROUTES:
                if match := pattern.match(call.path):
                    named = {key: value for key, value in match.groupdict().items() if value is not None}
                    return handler(self.world, call, **named)
        elif call.method == "POST" and call.path in writing.ROUTES:
            return writing.ROUTES[call.path](self.world, call, self.studio)
        self._door.complaints.append(f"nothing here answers that: {call}")
        raise not_found()

    def _answer_pictures(self, call: Call) -> Answer:
        found = self.studio.files.get(call.path)
        if found is None:
            return Answer(b"Not Found", 404, "text/plain")
        return Answer(found[0], 200, found[1])

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        """Say over the websocket that a picture became a post, once it did."""
        call = await _call("upload", request)
        self.journal.append(call)
        fault = self.faults.strike(call)
        if fault is not None:
            with contextlib.suppress(Breakdown):
                return await before(fault, call, request, self.rate)
            return web.Response()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        asset = self.world.assets.get(request.match_info["asset"])
        finished = self.studio.done.get(asset.id) if asset else None
        while self.studio.silent or finished is None or not finished.is_set():
            await asyncio.sleep(0.02)
        post = self.studio.post_of(asset) if asset else None
        told = (
            {"type": "success", "payload": {"redirect": f"https://www.reddit.com{post.permalink}"}}
            if post
            else {"type": "failed"}
        )
        await socket.send_str(json.dumps(told))
        await socket.close()
        return socket

    def _threads(self, call: Call) -> frozenset[str]:
        """Return the posts that a call names, or names a comment of."""
        asked = {**call.query, **call.form}
        names = [name for key in ("id", "thing_id", "parent", "link_id") for name in asked.get(key, "").split(",")]
        parts = call.path.split("/")
        if "comments" in parts[:-1]:
            names.append(f"t3_{parts[parts.index('comments') + 1]}")
        things = [self.world.thing(name) for name in names if "_" in name]
        posts = [thing.submission if isinstance(thing, Comment) else thing for thing in things]
        return frozenset(post.fullname for post in posts if isinstance(post, Submission))


def response(given: Answer) -> web.Response:
    return web.Response(
        body=given.body, status=given.status, headers={"Content-Type": given.content_type, **given.headers}
    )


async def _call(site: str, request: web.Request) -> Call:
    form: dict[str, str] = {}
    file: bytes | None = None
    if request.content_type == "application/json":
        form["json"] = await request.text()
    elif request.method == "POST":
        fields: MultiDict[Any] = MultiDict(await request.post())
        for key, value in fields.items():
            if isinstance(value, web.FileField):
                file = value.file.read()
            else:
                form[key] = str(value)
    path = "/" + request.path.strip("/")
    return Call(
        site=site,
        method=request.method,
        path=path.removesuffix(".json") if site != "pictures" else path,
        query=dict(request.query),
        form=form,
        user_agent=request.headers.get("User-Agent", ""),
        authorization=request.headers.get("Authorization", ""),
        file=file,
        has_hung_up=partial(_has_hung_up, request),
    )


def _has_hung_up(request: web.Request) -> bool:
    """Look for an end that the event loop may not have come to yet, although the caller's next call is here."""
    if request.transport is None or request.transport.is_closing():
        return True
    poll = select.poll()
    poll.register(request.transport.get_extra_info("socket"), getattr(select, "POLLRDHUP", 0))
    return bool(poll.poll(0))
