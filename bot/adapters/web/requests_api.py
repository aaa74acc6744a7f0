"""The API under ``/api``: requests are posted, looked at, watched, asked for again and deleted."""

from __future__ import annotations

import hashlib
import json
import re

from aiohttp import hdrs, web

from bot.adapters.web import documents
from bot.adapters.web.events import Broadcast
from bot.adapters.web.owners import PLATFORM, Owner, Owners, token
from bot.adapters.web.problems import Gone, NotThere
from bot.adapters.web.uploads import Asked, Uploads, read_json, read_options
from bot.intake import Intake
from bot.ledger import Ledger
from bot.status import StatusBoard
from bot.storage import Storage
from bot.vocabulary import Entry, Request, State, Status, new_request_id

_MAX_WATCHED = 100
_MAX_LISTED = 100
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What an id may look like; databases don't take everything that an address may hold."""


class RequestsApi:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        intake: Intake,
        ledger: Ledger,
        storage: Storage,
        board: StatusBoard,
        owners: Owners,
        uploads: Uploads,
        broadcast: Broadcast,
    ) -> None:
        """Hand what is posted to ``intake``, and tell what the ledger and the board know."""
        self._intake = intake
        self._ledger = ledger
        self._storage = storage
        self._board = board
        self._owners = owners
        self._uploads = uploads
        self._broadcast = broadcast

    def routes(self) -> list[web.RouteDef]:
        """Return the API's addresses."""
        one = "/api/requests/{id}"
        return [
            web.post("/api/requests", self.post),
            web.get("/api/requests", self.get_own),
            web.get("/api/events", self.get_events_of_several),
            web.get(one, self.get),
            web.delete(one, self.delete),
            web.get(one + "/events", self.get_events),
            web.post(one + "/again", self.post_again),
        ]

    async def post(self, request: web.Request) -> web.Response:
        """Take photos (a form with one or several ``image``) or a link (JSON with ``url``); 202.

        With an ``Idempotency-Key``, the same POST sent again gets the request of the first time. Keys are told apart by
        owner, or by network address where there is no cookie.
        """
        owner = self._owners.of(request)
        request_id = new_request_id()
        handed_over = False
        try:
            asked = await self._uploads.read(request, request_id)
            handed_over = True
            entry = await self._intake.submit(self._to_request(request, request_id, owner, asked))
        finally:
            if not handed_over:
                await self._storage.remove(request_id)
        return self._accepted(entry, owner)

    async def post_again(self, request: web.Request) -> web.Response:
        """Take a new request for the same photos with the options in the JSON body; 202. For the owner.

        With an ``Idempotency-Key``, the same sent again gets the request of the first time.
        """
        entry = await self._own_entry(request)
        options = read_options(await read_json(request))
        requester = entry.request.requester
        digest = json.dumps([entry.request.id, options.to_query()], sort_keys=True)
        message_id = _message_id(request, scope=requester, digest=digest)
        again = await self._intake.again(entry, options, requester=requester, message_id=message_id)
        return self._accepted(again, self._owners.of(request))

    async def get(self, request: web.Request) -> web.Response:
        """Tell where a request stands."""
        status = await self._board.status(_id_in(request))
        if status is None:
            raise NotThere
        if status.entry.expired:
            raise Gone
        return _json(documents.of_status(status))

    async def get_own(self, request: web.Request) -> web.Response:
        """List the requests of the cookie's owner, the newest first."""
        entries = await self._ledger.of_requester(PLATFORM, self._owners.of(request).requester, limit=_MAX_LISTED)
        statuses = [await self._status_of(entry) for entry in entries if not entry.expired]
        return _json({"requests": [documents.of_own(status) for status in statuses if status is not None]})

    async def get_events(self, request: web.Request) -> web.StreamResponse:
        """Stream where a request stands."""
        entry = await self.entry(request)
        return await self._broadcast.stream(request, [entry.request.id])

    async def get_events_of_several(self, request: web.Request) -> web.StreamResponse:
        """Stream where several requests (``?id=...&id=...``) stand: browsers allow a page few streams."""
        ids = [text for text in request.query.getall("id", []) if _ID.fullmatch(text)]
        return await self._broadcast.stream(request, ids[:_MAX_WATCHED])

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a request and its photos; 204. For the owner."""
        entry = await self._entry(request)
        self._owners.check(entry.request, request)
        await self._intake.withdraw(entry.request.id)
        return web.Response(status=204)

    async def entry(self, request: web.Request) -> Entry:
        """Return the entry whose id is in the address. Raises ``NotThere``, or ``Gone`` when its photos are too old."""
        entry = await self._entry(request)
        if entry.expired:
            raise Gone
        return entry

    async def _entry(self, request: web.Request) -> Entry:
        entry = await self._ledger.by_id(_id_in(request))
        if entry is None or entry.state is State.DELETED:
            raise NotThere
        return entry

    async def _own_entry(self, request: web.Request) -> Entry:
        entry = await self.entry(request)
        self._owners.check(entry.request, request)
        return entry

    async def _status_of(self, entry: Entry) -> Status | None:
        if entry.state.finished:
            return Status(entry, position=None, progress=None)
        return await self._board.status(entry.request.id)

    def _to_request(self, request: web.Request, request_id: str, owner: Owner, asked: Asked) -> Request:
        community = self._owners.community_of(request)
        scope = owner.requester if owner.returning else community
        message_id = _message_id(request, scope=scope, digest=asked.digest) or request_id
        return Request(
            platform=PLATFORM,
            message_id=message_id,
            conversation=documents.page_url(request_id),
            requester=owner.requester,
            community=community,
            images=asked.images,
            options=asked.options,
            id=request_id,
        )

    def _accepted(self, entry: Entry, owner: Owner) -> web.Response:
        if entry.state is State.DELETED:
            raise NotThere  # the same POST once more, after its photo was deleted
        if entry.expired:
            raise Gone
        request = entry.request
        status_url = documents.api_url(request.id)
        response = _json({"id": request.id, "status_url": status_url, "token": token(request)}, status=202)
        response.headers[hdrs.LOCATION] = status_url
        if owner.requester == request.requester:
            self._owners.remember(owner, response)
        return response


def _id_in(request: web.Request) -> str:
    text = request.match_info["id"]
    if not _ID.fullmatch(text):
        raise NotThere
    return text


def _message_id(request: web.Request, *, scope: str, digest: str) -> str | None:
    """Return what the same POST sent again has in common with this one; ``None`` when it carries no key."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    return "key-" + hashlib.sha256("\0".join([scope, key, digest]).encode(errors="surrogateescape")).hexdigest()


def _json(document: documents.Document, *, status: int = 200) -> web.Response:
    return web.json_response(document, status=status, headers={hdrs.CACHE_CONTROL: "no-store"})
