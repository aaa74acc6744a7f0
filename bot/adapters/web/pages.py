"""The pages that people see."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from jinja2 import Environment, PackageLoader, StrictUndefined
from yarl import URL

from bot.adapters.web import documents
from bot.adapters.web.owners import PLATFORM, Owners
from bot.adapters.web.problems import Gone, NotThere, NotYours
from bot.adapters.web.requests_api import RequestsApi
from bot.ledger import Ledger, LedgerAway
from bot.settings import Settings
from bot.vocabulary import Entry, State

_log = logging.getLogger(__name__)

_STATIC = Path(__file__).parent / "static"
_MAX_SHOWN = 200
_EXAMPLE = {
    # As `python -m bot recolor --layout side_by_side` made it, scaled down.
    "file": "example.jpg",
    "width": 720,
    "height": 554,
    "caption": "On the road to Killarney, about 1910. The colours are today’s.",
}


class Pages:
    """The handlers and what they need."""

    def __init__(
        self,
        *,
        settings: Callable[[], Settings],
        api: RequestsApi,
        ledger: Ledger,
        owners: Owners,
        public_url: URL | None,
    ) -> None:
        """Show the requests that the ledger holds."""
        self._settings = settings
        self._api = api
        self._ledger = ledger
        self._owners = owners
        self._public_url = public_url
        self._static_url = f"/static/{_digest(_STATIC)}"
        self._templates = Environment(
            loader=PackageLoader("bot.adapters.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            static=self._static_url,
            example={
                "compare_url": f"{self._static_url}/{_EXAMPLE['file']}",
                "halves": True,
                "media_type": "image/jpeg",
                **_EXAMPLE,
            },
        )

    @property
    def static_url(self) -> str:
        """Return where styles, scripts and drawings are: another address whenever any of them changes."""
        return self._static_url

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the pages' addresses."""
        return [
            web.get("/", self.get_chat),
            web.get("/mine", self.get_mine),
            web.get("/r/{id}", self.get_result),
            web.static(self._static_url, _STATIC),
        ]

    async def get_chat(self, request: web.Request) -> web.Response:
        """Show the chat with the bot. Whoever comes here first gets their cookie, before they send anything."""
        response = self._page("chat.html", request)
        owner = self._owners.of(request)
        if not owner.returning:
            self._owners.remember(owner, response)
        return response

    async def get_mine(self, request: web.Request) -> web.Response:
        """Show somebody's own results."""
        entries = await self._ledger.of_requester(PLATFORM, self._owners.of(request).requester, limit=_MAX_SHOWN)
        shown = [
            {**documents.of_finished(entry), "day": f"{entry.request.created:%-d %B %Y}"}
            for entry in entries
            if entry.state is State.ANSWERED and not entry.expired
        ]
        return self._page("mine.html", request, requests=shown)

    async def get_result(self, request: web.Request) -> web.Response:
        """Show one result to whoever has its address."""
        entry = await self._api.entry(request)
        return self._page("result.html", request, asked=documents.of_finished(entry), owned=self._owns(entry, request))

    @web.middleware
    async def show_missing(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Show people who look for what can't be shown a page, and programs a problem."""
        try:
            return await handler(request)
        except (NotThere, Gone, LedgerAway, web.HTTPNotFound) as why:
            if request.method != hdrs.METH_GET or "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
                raise
            if isinstance(why, LedgerAway):
                _log.warning("a page can't be shown, the ledger is away: %s", why)
                return self._page("away.html", request, status=HTTPStatus.SERVICE_UNAVAILABLE)
            if isinstance(why, Gone):
                return self._page("gone.html", request, status=HTTPStatus.GONE)
            return self._page("missing.html", request, status=HTTPStatus.NOT_FOUND)

    def _owns(self, entry: Entry, request: web.Request) -> bool:
        try:
            self._owners.check(entry.request, request)
        except NotYours:
            return False
        return True

    def _page(self, template: str, request: web.Request, *, status: int = 200, **values: object) -> web.Response:
        settings = self._settings()
        origin = str(self._public_url or _origin_of(request)).rstrip("/")
        return web.Response(
            status=status,
            text=self._templates.get_template(template).render(
                origin=origin,
                triggers=settings.triggers,
                max_bytes=settings.limits.max_upload_bytes,
                max_megabytes=settings.limits.max_upload_bytes // 2**20,
                **values,
            ),
            content_type="text/html",
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )


def _origin_of(request: web.Request) -> str:
    if hdrs.HOST not in request.headers:
        return ""  # aiohttp would look for this machine's name, which may take seconds
    try:
        return str(request.url.origin())
    except ValueError:
        raise web.HTTPBadRequest from None  # its Host is none


def _digest(folder: Path) -> str:
    content = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            content.update(file.name.encode() + file.read_bytes())
    return content.hexdigest()[:16]
