"""The web adapter: people ask on the bot's own page, and find the answer there."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from aiohttp import web

from bot.adapters import Located
from bot.adapters.web import documents
from bot.adapters.web.application import make_application
from bot.adapters.web.owners import PLATFORM
from bot.assembly import Parts
from bot.intake import Intake
from bot.problems import OperatorError
from bot.settings import WebSettings
from bot.vocabulary import Outcome, Request

_SHUTDOWN_SECONDS = 3.0
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not listened on


class WebAdapter:
    """Serves the page and its API."""

    def __init__(self, parts: Parts) -> None:
        """Serve these parts of the bot."""
        self._parts = parts

    @property
    def name(self) -> str:
        """The platform's name."""
        return PLATFORM

    async def run(self, intake: Intake, announce: Callable[[str], None]) -> None:
        """Serve until cancelled. Raises ``OperatorError`` when the address can't be listened on."""
        settings = self._parts.settings.web
        # A client that goes away takes its handler along: nobody watches on for a closed page.
        runner = web.AppRunner(
            make_application(self._parts, intake),
            access_log=None,  # addresses hold the ids, and those are keys
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            await _listen(runner, settings)
            address = _address(runner, settings)
            self._parts.links.served_at(address)
            announce(address)
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def locate(self, request: Request) -> Located:
        """Return the photos as they are: what was posted on the page doesn't move."""
        return Located(request.images)

    async def answer(self, request: Request, outcome: Outcome) -> str:
        """Return where the answer is: pages ask the ledger for it, so there is nothing to deliver."""
        return documents.page_url(request.id)


async def _listen(runner: web.AppRunner, settings: WebSettings) -> None:
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except socket.gaierror:
        raise OperatorError(
            f"There is no address {settings.host!r} on this machine; set COLORIZEBOT_WEB__HOST to one, "
            "127.0.0.1 for this machine alone or 0.0.0.0 for everybody."
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise OperatorError(
                f"This machine has no address {settings.host}; set COLORIZEBOT_WEB__HOST to one that it has."
            ) from None
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"can't be used ({error.strerror})"
        raise OperatorError(
            f"Port {settings.port} on {settings.host} {reason}; set COLORIZEBOT_WEB__PORT to another one."
        ) from None


def _address(runner: web.AppRunner, settings: WebSettings) -> str:
    if settings.public_url is not None:
        return str(settings.public_url).rstrip("/")
    port = runner.addresses[0][1]
    host = _ANYWHERE.get(settings.host, settings.host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
