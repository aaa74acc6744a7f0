"""What the tests of the web adapter share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.bot.adapters.web.site import Site, open_site
from tests.bot.adapters.web.visitor import Visitor


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A bot whose requests stay in the queue until ``site.work()``."""
    async with open_site(tmp_path) as opened:
        yield opened


@pytest.fixture
async def visitor(site: Site) -> AsyncIterator[Visitor]:
    """Somebody with a browser, keeping cookies."""
    async with aiohttp.ClientSession(site.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Visitor(session)


@pytest.fixture
async def stranger(site: Site) -> AsyncIterator[Visitor]:
    """Somebody else with a browser."""
    async with aiohttp.ClientSession(site.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Visitor(session)


@pytest.fixture
async def program(site: Site) -> AsyncIterator[Visitor]:
    """A program that keeps no cookies, such as curl."""
    async with aiohttp.ClientSession(site.url, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Visitor(session)
