"""The web application, put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from yarl import URL

from bot.adapters.web.events import Broadcast
from bot.adapters.web.owners import Owners
from bot.adapters.web.pages import Pages
from bot.adapters.web.pictures import Pictures
from bot.adapters.web.problems import answer_problems
from bot.adapters.web.requests_api import RequestsApi
from bot.adapters.web.security import add_headers, refuse_cross_site
from bot.adapters.web.uploads import MAX_JSON_BYTES, Uploads
from bot.assembly import Parts
from bot.fetching.links import parse_allowed
from bot.intake import Intake
from bot.metrics import Metrics
from inference.client import InferenceClient


def make_application(parts: Parts, intake: Intake) -> web.Application:
    """Return the page and its API around the parts of the bot. Raises ``OperatorError`` for unusable settings."""
    settings = parts.settings
    public_url = None if settings.web.public_url is None else URL(str(settings.web.public_url))
    owners = Owners(public_url)
    broadcast = Broadcast(parts.board)
    api = RequestsApi(
        intake=intake,
        ledger=parts.ledger,
        storage=parts.storage,
        board=parts.board,
        owners=owners,
        uploads=Uploads(parts.storage, lambda: parts.settings.limits, parse_allowed(settings.fetch.allow_private)),
        broadcast=broadcast,
    )
    pages = Pages(settings=lambda: parts.settings, api=api, ledger=parts.ledger, owners=owners, public_url=public_url)
    pictures = Pictures(api, parts.storage, parts.comparer, owners)

    app = web.Application(
        middlewares=[answer_problems, pages.show_missing, refuse_cross_site(public_url)],
        client_max_size=MAX_JSON_BYTES,  # photos are streamed, and have their own limit
    )
    app.add_routes([*api.routes(), *pictures.routes(), *pages.routes(), *_service_routes(parts.worker, parts.metrics)])
    app.on_response_prepare.append(add_headers)
    app.on_response_prepare.append(_keep_static(pages.static_url))
    app.on_shutdown.append(broadcast.close)
    return app


def _service_routes(worker: InferenceClient, metrics: Metrics) -> list[web.RouteDef]:
    async def get_health(_request: web.Request) -> web.Response:
        document = {"status": "ok", "worker": "ready" if await worker.ready() else "warming_up"}
        return web.json_response(document, headers={hdrs.CACHE_CONTROL: "no-store"})

    async def get_metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})

    return [web.get("/healthz", get_health), web.get("/metrics", get_metrics)]


def _keep_static(static_url: str) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Let browsers keep what lies under an address that changes with its content."""

    async def keep(request: web.Request, response: web.StreamResponse) -> None:
        if request.path.startswith(static_url) and response.status < 400:
            response.headers[hdrs.CACHE_CONTROL] = "public, max-age=31536000, immutable"

    return keep
