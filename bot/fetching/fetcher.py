"""Following a link to its picture."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.abc import AbstractResolver

from bot.fetching import answers, links
from bot.fetching.addresses import AddressInfo, AddressRefused, guarded_socket
from bot.fetching.answers import Fetched, Page, Redirect
from bot.fetching.links import Link
from bot.fetching.pages import picture_link
from bot.fetching.refusals import Cause, FetchRefused, Reason
from bot.fetching.resolver import SystemResolver
from bot.settings import FetchSettings
from bot.version import version

_log = logging.getLogger(__name__)

_HEADER_LINE_BYTES = 8190
_HEADER_LINES = 100


class Fetcher:
    """Fetches pictures from links that nobody vouches for; see the package for what it guards against.

    `resolver` is for tests. `contact` is a page about this bot that its User-Agent names, as Wikimedia and others ask
    for. At most `at_once` links are fetched at a time, `at_once_per_host` from one host; more wait for their turn, and
    the wait doesn't count against the site's deadline.

    Raises `OperatorError` for a malformed entry of COLORIZEBOT_FETCH__ALLOW_PRIVATE.
    """

    def __init__(
        self,
        settings: FetchSettings,
        *,
        resolver: AbstractResolver | None = None,
        contact: str | None = None,
        at_once: int = 8,
        at_once_per_host: int = 4,
    ) -> None:
        self._settings = settings
        self._allowed = links.parse_allowed(settings.allow_private)
        self._resolver = resolver
        self._headers = {
            "User-Agent": f"colorizebot/{version()}" + (f" (+{contact})" if contact else ""),
            # Some image hosts wrap a picture in a page for whoever names text/html first.
            "Accept": "image/*, text/html;q=0.5",
            "Accept-Encoding": "identity",
        }
        self._turns = asyncio.Semaphore(at_once)
        self._at_once_per_host = at_once_per_host
        self._turns_at_host: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        resolver = self._resolver or SystemResolver()
        if self._resolver is None:
            self._open.push_async_callback(resolver.close)
        # Two sessions, so that a connection made for a trusted link can never serve another.
        self._guarded = await self._open.enter_async_context(self._session(resolver, guarded_socket))
        self._trusting = await self._open.enter_async_context(self._session(resolver, None))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def fetch(self, link: str) -> Fetched:
        """Fetch the picture that `link` leads to, or the picture of the page that it leads to.

        Raises `FetchRefused`.
        """
        try:
            return await self._fetch(link)
        except FetchRefused as refused:
            _log_refusal(refused)
            raise

    async def _fetch(self, text: str) -> Fetched:
        link = links.check(text, self._allowed)
        patience = _Patience(self._settings.timeout_seconds)
        found = await self._follow(link, patience)
        if isinstance(found, Page):
            found = await self._follow(await self._picture_of(found), patience)
        if isinstance(found, Page):
            raise Cause.NO_PICTURE_ON_PAGE.refused()
        return found

    async def _picture_of(self, page: Page) -> Link:
        picture = await asyncio.to_thread(picture_link, page.html)
        if picture is None:
            raise Cause.NO_PICTURE_ON_PAGE.refused()
        return links.check(picture, self._allowed, base=page.url)

    async def _follow(self, link: Link, patience: "_Patience") -> Fetched | Page:
        for _ in range(self._settings.max_redirects + 1):
            found = await self._visit(link, patience)
            if not isinstance(found, Redirect):
                return found
            link = links.check(found.location, self._allowed, base=found.base)
        raise Cause.TOO_MANY_REDIRECTS.refused()

    async def _visit(self, link: Link, patience: "_Patience") -> Fetched | Page | Redirect:
        session = self._trusting if link.trusted else self._guarded
        # The host's turn first: links that wait for a slow host must not use up the turns of all.
        async with self._turn_at_host(link), self._turns, patience.spent():
            with _told_kindly():
                async with session.get(link.url, allow_redirects=False) as response:
                    return await answers.read(response, self._settings.max_bytes)

    def _turn_at_host(self, link: Link) -> asyncio.Semaphore:
        host = link.url.raw_host or ""
        return self._turns_at_host.setdefault(host, asyncio.Semaphore(self._at_once_per_host))

    def _session(
        self, resolver: AbstractResolver, socket_factory: Callable[[AddressInfo], socket.socket] | None
    ) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver, socket_factory=socket_factory),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None),  # `_Patience` keeps the deadline, over all hops
            trust_env=False,
            max_line_size=_HEADER_LINE_BYTES,
            max_field_size=_HEADER_LINE_BYTES,
            max_headers=_HEADER_LINES,
        )


class _Patience:
    """How many seconds the sites along one link may still take; our own waiting for a turn isn't counted."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @asynccontextmanager
    async def spent(self) -> AsyncIterator[None]:
        """Count the time of the block; raises `FetchRefused` (link_timeout) when it is used up."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                yield
        except TimeoutError as error:
            raise Cause.TOO_SLOW.refused() from error
        finally:
            self._left -= time.monotonic() - started


@contextmanager
def _told_kindly() -> Iterator[None]:
    """Turn what aiohttp raises into a `FetchRefused`; time-outs are left to `_Patience`."""
    try:
        yield
    except aiohttp.ClientConnectorDNSError as error:
        raise Cause.NO_SUCH_SITE.refused() from error
    except aiohttp.ClientConnectorError as error:
        cause = Cause.PRIVATE if isinstance(error.os_error, AddressRefused) else Cause.NO_CONNECTION
        raise cause.refused() from error
    except aiohttp.ClientError as error:
        raise Cause.NO_CONNECTION.refused() from error


def _log_refusal(refused: FetchRefused) -> None:
    # Its kind alone: what it says may hold the link.
    cause = f" after {type(refused.__cause__).__name__}" if refused.__cause__ else ""
    hint = "; COLORIZEBOT_FETCH__ALLOW_PRIVATE lists exceptions" if refused.reason == Reason.PRIVATE_ADDRESS else ""
    _log.info("a link was refused: reason=%s%s%s", refused.reason, cause, hint)
