"""What keeps other sites out: headers on every response, and no acting in a visitor's name from elsewhere."""

from __future__ import annotations

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from bot.adapters.web.problems import CrossSite

_HEADERS = {
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Ids are keys, so addresses of this site are told to nobody else.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_SAFE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on a response, where it has none of its own."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.pop(hdrs.SERVER, None)
    if request.path != "/":
        response.headers["X-Robots-Tag"] = "noindex"


def refuse_cross_site(public_url: URL | None) -> Middleware:
    """Return the middleware that turns away what another site's page sends with the visitor's cookies.

    Browsers say where a request comes from: in Sec-Fetch-Site, and, older ones too, in Origin. What says neither comes
    from a program, which has no visitor's cookies to abuse.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method not in _SAFE_METHODS and not _is_own(request, public_url):
            raise CrossSite
        return await handler(request)

    return middleware


def _is_own(request: web.Request, public_url: URL | None) -> bool:
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return False
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return True
    if public_url is not None and origin == str(public_url.origin()):
        return True
    # Whether a proxy in front speaks TLS can't be known here, so the scheme doesn't count.
    return origin.partition("://")[2] == request.host
