"""Clients that speak no proper HTTP, or fall silent: each gets a plain answer, and none fills the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from bot.adapters.web import documents, events, uploads
from tests.bot.adapters.web.photos import a_photo
from tests.bot.adapters.web.site import Site, open_site
from tests.bot.adapters.web.visitor import Visitor

FORM = {"Content-Type": "multipart/form-data; boundary=x"}
JSON = {"Content-Type": "application/json"}
PHOTO = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\nabc\r\n--x--\r\n'
CHARSET = b'--x\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\n' + b"u" * 64 + b"\r\n--x--\r\n"


@pytest.fixture(autouse=True)
def _nothing_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.WARNING] == []


async def said(site: Site, *pieces: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(site.url).port)
    writer.writelines(pieces)
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    return answer


def head(method: str, path: str, headers: Mapping[str, str] | None = None, *, host: bytes = b"example.org") -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items()).encode()
    return f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode() + b"Host: " + host + b"\r\n" + lines + b"\r\n"


@pytest.mark.parametrize("host", [b"[", b"example.org:99999", b"example.org:http", b"", b"\xff\xfe"])
@pytest.mark.parametrize("path", ["/", "/r/nothing-is-here"])
async def test_a_host_that_is_none_is_a_bad_request(site: Site, host: bytes, path: str) -> None:
    assert (await said(site, head("GET", path, {"Accept": "text/html"}, host=host))).startswith(b"HTTP/1.1 400 ")


async def test_a_page_for_those_who_name_no_host_tells_nothing_of_this_machine(site: Site) -> None:
    page = await said(site, b"GET / HTTP/1.0\r\n\r\n")
    assert b'<meta property="og:url" content="/">' in page


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"[" * 60_000, JSON),
        (b"{}", {**JSON, "Content-Encoding": "gzip"}),
        (PHOTO, {**FORM, "Content-Encoding": "gzip"}),
        (CHARSET, FORM),
    ],
)
async def test_bodies_that_are_not_what_they_say_are_malformed(
    site: Site, program: Visitor, body: bytes, headers: dict[str, str]
) -> None:
    told = await program.ask("POST", "/api/requests", data=body, headers=headers)
    assert (told.status, told.reason) == (400, "malformed_body")
    assert site.folders() == []


async def test_a_key_may_hold_any_bytes(site: Site) -> None:
    headers = head("POST", "/api/requests", {**FORM, "Content-Length": str(len(PHOTO))})
    keyed = headers.replace(b"\r\n\r\n", b"\r\nIdempotency-Key: \xff\xfe\r\n\r\n")
    ids = {(await said(site, keyed, PHOTO)).partition(b'"id": "')[2][:22] for _ in range(2)}
    assert ids == {site.folders()[0].encode()}


async def test_a_token_that_is_no_text_is_somebody_elses(site: Site, program: Visitor) -> None:
    request_id = await program.sent()
    asked = head("DELETE", f"/api/requests/{request_id}").replace(
        b"\r\n\r\n", b"\r\nAuthorization: Bearer \xff\r\n\r\n"
    )
    assert (await said(site, asked)).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01\x00\x01", b"GET /r/\xff HTTP/1.1\r\n\r\n"])
async def test_what_is_no_http_is_not_worth_a_warning_in_the_log(site: Site, sent: bytes) -> None:
    assert b" 400 " in await said(site, sent + b"Cookie: colorizebot_owner=\x01\r\n\r\n")


@pytest.mark.parametrize(("headers", "body"), [(JSON, b'{"url":'), (FORM, PHOTO[:-20])])
async def test_a_client_that_falls_silent_is_given_up(
    site: Site, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], body: bytes
) -> None:
    monkeypatch.setattr(uploads, "_PAUSE_SECONDS", 0.1)
    lines = head("POST", "/api/requests", {**headers, "Content-Length": "1000"})
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(site.url).port)
    writer.write(lines + body)
    async with asyncio.timeout(60):
        assert await reader.readline() == b"HTTP/1.1 408 Request Timeout\r\n"
    writer.close()
    assert site.folders() == []


async def test_ids_that_no_database_takes_lead_nowhere(tmp_path: Path, database_url: str) -> None:
    async with (
        open_site(tmp_path, database_url=database_url) as site,
        aiohttp.ClientSession(site.url) as session,
    ):
        program = Visitor(session)
        for path in ("/r/%00", "/api/requests/%00", "/api/requests/%00/events", "/results/%00/result-0.jpg"):
            told = await program.get(path)
            assert (told.status, told.reason) == (404, "not_found")
        request_id = await program.sent()
        async for _, status in program.events(f"/api/events?id=%00&id={request_id}"):
            assert status["id"] == request_id
            break


async def test_a_page_that_reads_nothing_any_more_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_PATIENCE_SECONDS", 0.2)
    of_status = documents.of_status
    monkeypatch.setattr(documents, "of_status", lambda status: {**of_status(status), "more": "x" * 20_000_000})
    async with aiohttp.ClientSession(site.url) as session:
        request_id = await Visitor(session).sent(a_photo())
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(site.url).port, limit=1)
    writer.write(head("GET", f"/api/requests/{request_id}/events"))
    async with asyncio.timeout(60):
        await reader.read(1)
        while not site.parts.board._watchers:
            await asyncio.sleep(0.01)
        while site.parts.board._watchers:
            await asyncio.sleep(0.01)
    writer.transport.abort()
    await asyncio.sleep(0.1)
