"""A real bot, a real browser, and somebody else's web site, shared by the tests of the page."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.chromium import ARGUMENTS, chromium_path
from tests.end_to_end.browsing import WAIT_MILLISECONDS, Visit
from tests.end_to_end.photos import gray_photo
from tests.end_to_end.running_bot import RunningBot, running_bot


@pytest.fixture(scope="package")
def album(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Somebody else's web site with a photo on it; its address."""
    folder = tmp_path_factory.mktemp("album")
    (folder / "photo.jpg").write_bytes(gray_photo(300, 200, seed=9))
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="package")
def served_bot(tmp_path_factory: pytest.TempPathFactory, album: str) -> Iterator[RunningBot]:
    allowed = json.dumps([album.removeprefix("http://")])
    with running_bot(tmp_path_factory.mktemp("bot"), COLORIZEBOT_FETCH__ALLOW_PRIVATE=allowed) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; it keeps an event loop running, so it must be gone before the next asynchronous test."""
    path = chromium_path()
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=ARGUMENTS)


@pytest.fixture
def visit(browser: Browser, served_bot: RunningBot) -> Iterator[Visit]:
    """Open the page as somebody new; whatever the browser complains about fails the test at its end."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(base_url=served_bot.url, **options)
        context.set_default_timeout(WAIT_MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("request", lambda asked: None if _is_own(asked.url, served_bot.url) else complaints.append(asked.url))
        page.goto("/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def _is_own(url: str, home: str) -> bool:
    return url.startswith((home, f"blob:{home}"))
