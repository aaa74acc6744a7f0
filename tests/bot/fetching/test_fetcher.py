import asyncio
import gzip
import shutil
import ssl
import subprocess
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.fetching import Fetched, Fetcher
from bot.fetching.refusals import Cause
from tests.bot.fetching.asking import MAX_BYTES, picture, refusal, settings
from tests.bot.fetching.site import JPEG, KnownNames, Site, page, raw, redirect

PNG = b"\x89PNG\r\n\x1a\n" + b"not decoded here"
WEBP = b"RIFF\0\0\0\0WEBPVP8 "
AVIF = b"\0\0\0\x20ftypavif"


@dataclass
class Endless:
    """A body that goes on for as long as somebody reads it."""

    media_type: str
    framing: str
    start: bytes
    sent: int = 0

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {self.media_type}\r\n{self.framing}\r\n\r\n".encode())
        block = self.start + bytes(50_000)
        if "chunked" in self.framing:
            block = b"%x\r\n%b\r\n" % (len(block), block)
        while True:
            writer.write(block)
            await writer.drain()
            self.sent += len(block)


async def test_a_picture_arrives_as_it_is(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a.jpg?w=1"] = picture(Content_Type="image/jpeg; charset=binary")
    fetched = await fetcher.fetch(site.url("/a.jpg?w=1#part"))
    assert fetched == Fetched(JPEG, site.url("/a.jpg?w=1"), "image/jpeg")


async def test_the_request_says_who_asks_and_carries_nothing_else(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Site() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url(""))
        monkeypatch.setenv("HTTP_PROXY", proxy.url(""))
        site.answers["/"] = raw("302 Found", Location="/a.jpg", Set_Cookie="id=1")
        site.answers["/a.jpg"] = picture(Set_Cookie="id=2")
        async with Fetcher(settings(site), contact="https://bot.example") as fetcher:
            await fetcher.fetch(site.url("/"))
            await fetcher.fetch(site.url("/"))
        assert proxy.connections == 0
    for request in site.requests:
        fields = dict(line.split(": ", 1) for line in request.strip().split("\r\n")[1:])
        assert set(fields) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
        assert fields["User-Agent"].startswith("colorizebot")
        assert fields["User-Agent"].endswith(" (+https://bot.example)")
        assert fields["Accept-Encoding"] == "identity"


class TestWhatCountsAsAPicture:
    @pytest.mark.parametrize("data", [JPEG, PNG, WEBP, AVIF, b"GIF89a......", b"II*\0........"])
    @pytest.mark.parametrize("declared", ["text/html", "text/plain", "application/json", "image/png"])
    async def test_its_first_bytes_whatever_is_declared(
        self, data: bytes, declared: str, site: Site, fetcher: Fetcher
    ) -> None:
        site.answers["/a"] = picture(data, Content_Type=declared)
        fetched = await fetcher.fetch(site.url("/a"))
        assert (fetched.data, fetched.media_type) == (data, declared)

    @pytest.mark.parametrize("declared", ["image/svg+xml", "image/bmp", "application/octet-stream", ""])
    async def test_unknown_bytes_that_are_declared_so(self, declared: str, site: Site, fetcher: Fetcher) -> None:
        site.answers["/a"] = picture(b"unknown bytes", Content_Type=declared)
        assert (await fetcher.fetch(site.url("/a"))).data == b"unknown bytes"

    @pytest.mark.parametrize("declared", ["text/plain", "application/json", "application/pdf", "video/mp4"])
    async def test_nothing_else(self, declared: str, site: Site, fetcher: Fetcher) -> None:
        site.answers["/a"] = picture(b"\0\0\0\x20ftypisom" * 10, Content_Type=declared)
        assert (await refusal(fetcher, site.url("/a"))).reason == "not_a_picture"

    async def test_not_an_empty_file(self, site: Site, fetcher: Fetcher) -> None:
        site.answers["/a"] = picture(b"")
        assert (await refusal(fetcher, site.url("/a"))).reason == "not_a_picture"


class TestSize:
    async def test_as_large_as_allowed(self, site: Site, fetcher: Fetcher) -> None:
        data = JPEG + bytes(MAX_BYTES - len(JPEG))
        site.answers["/a"] = picture(data)
        assert (await fetcher.fetch(site.url("/a"))).data == data

    async def test_a_byte_more_is_refused(self, site: Site, fetcher: Fetcher) -> None:
        site.answers["/a"] = picture(JPEG + bytes(MAX_BYTES - len(JPEG) + 1))
        refused = await refusal(fetcher, site.url("/a"))
        assert refused.reason == "too_large"
        assert "larger than 0.0954 MB" in refused.message

    async def test_a_declared_length_is_believed_when_it_is_too_large(self, site: Site, fetcher: Fetcher) -> None:
        async def one_chunk_then_silence(writer: asyncio.StreamWriter) -> None:
            writer.write(picture(Content_Length=str(10**12)))
            await writer.drain()
            await asyncio.sleep(60)

        site.answers["/a"] = one_chunk_then_silence
        async with asyncio.timeout(20):  # less than the fetcher waits for more
            assert (await refusal(fetcher, site.url("/a"))).reason == "too_large"

    @pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Connection: close"])
    async def test_an_endless_body_is_cut_off(self, framing: str, site: Site, fetcher: Fetcher) -> None:
        site.answers["/a"] = endless = Endless("image/jpeg", framing, JPEG)
        assert (await refusal(fetcher, site.url("/a"))).reason == "too_large"
        assert endless.sent < 20 * 2**20  # what socket buffers hold

    @pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
    async def test_a_compressed_bomb_doesn_t_go_off(
        self, encoding: str, pack: Callable[[bytes], bytes], site: Site, fetcher: Fetcher
    ) -> None:
        bomb = pack(JPEG + bytes(MAX_BYTES * 90))
        assert len(bomb) < MAX_BYTES
        site.answers["/a"] = picture(bomb, Content_Encoding=encoding)
        tracemalloc.start()
        try:
            assert (await refusal(fetcher, site.url("/a"))).reason == "too_large"
            assert tracemalloc.get_traced_memory()[1] < MAX_BYTES * 30
        finally:
            tracemalloc.stop()

    async def test_a_compressed_picture_is_unpacked(self, site: Site, fetcher: Fetcher) -> None:
        site.answers["/a"] = picture(gzip.compress(JPEG), Content_Encoding="gzip")
        assert (await fetcher.fetch(site.url("/a"))).data == JPEG

    async def test_broken_compression(self, site: Site, fetcher: Fetcher) -> None:
        site.answers["/a"] = picture(JPEG, Content_Encoding="gzip")
        assert (await refusal(fetcher, site.url("/a"))).reason == "link_unreachable"


class TestRedirects:
    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
    async def test_relative_and_absolute(self, status: str, site: Site, fetcher: Fetcher) -> None:
        site.answers = {
            "/a/b": redirect("../c", status),
            "/c": redirect(site.url("/d", host="photos.test"), status),
            "/d": redirect(f"//127.0.0.1:{site.port}/e", status),
            "/e": picture(),
        }
        assert await fetcher.fetch(site.url("/a/b")) == Fetched(JPEG, site.url("/e"), "image/jpeg")

    async def test_one_too_many(self, site: Site, fetcher: Fetcher) -> None:
        site.answers.update({f"/{n}": redirect(f"/{n + 1}") for n in range(4)} | {"/4": picture()})
        assert (await fetcher.fetch(site.url("/1"))).data == JPEG
        site.requests.clear()
        assert (await refusal(fetcher, site.url("/0"))).reason == "too_many_redirects"
        assert len(site.requests) == 4

    async def test_a_loop(self, site: Site, fetcher: Fetcher) -> None:
        site.answers["/"] = redirect("/")
        assert (await refusal(fetcher, site.url("/"))).reason == "too_many_redirects"

    @pytest.mark.parametrize(
        ("location", "reason"),
        [
            ("ftp://photos.test/a", "bad_link"),
            ("file:///etc/passwd", "bad_link"),
            ("data:image/png,a", "bad_link"),
            ("http://name:password@photos.test/a", "bad_link"),
            ("http://[/", "bad_link"),
            ("http://\udcff/", "bad_link"),
            ("http://photos.test:25/", "bad_link"),
            ("http://nowhere.test/", "link_unreachable"),
        ],
    )
    async def test_to_where_nobody_should_go(self, location: str, reason: str, site: Site, fetcher: Fetcher) -> None:
        site.answers["/"] = redirect("LOCATION").replace(b"LOCATION", location.encode(errors="surrogateescape"))
        assert (await refusal(fetcher, site.url("/"))).reason == reason

    async def test_to_nowhere(self, site: Site, fetcher: Fetcher) -> None:
        site.answers["/"] = raw("302 Found")
        assert (await refusal(fetcher, site.url("/"))).reason == "link_unreachable"


class TestPages:
    async def test_the_picture_of_a_page(self, site: Site, fetcher: Fetcher) -> None:
        site.answers = {"/": redirect("/album/page"), "/album/page": page("photos/a.jpg?a=1&amp;b=2")}
        site.answers["/album/photos/a.jpg?a=1&b=2"] = redirect("/a.jpg")
        site.answers["/a.jpg"] = picture()
        assert await fetcher.fetch(site.url("/")) == Fetched(JPEG, site.url("/a.jpg"), "image/jpeg")

    async def test_only_the_beginning_of_a_page_is_read(self, site: Site, fetcher: Fetcher) -> None:
        filling = b" " * 600_000
        until_the_end = page("/a.jpg").replace(b"Content-Length", b"X-Length")
        site.answers["/early"] = until_the_end + filling
        site.answers["/late"] = until_the_end.replace(b"<meta", filling + b"<meta")
        site.answers["/a.jpg"] = picture()
        assert (await fetcher.fetch(site.url("/early"))).data == JPEG
        assert (await refusal(fetcher, site.url("/late"))).reason == "not_a_picture"

    async def test_an_endless_page_is_cut_off(self, site: Site, fetcher: Fetcher) -> None:
        site.answers["/"] = endless = Endless("text/html", "Connection: close", b"<p>")
        assert (await refusal(fetcher, site.url("/"))).reason == "not_a_picture"
        assert endless.sent < 20 * 2**20

    @pytest.mark.parametrize("body", [b"", b"<p>No picture here", b"\xff\xfe<\0m\0"])
    async def test_a_page_without_a_picture(self, body: bytes, site: Site, fetcher: Fetcher) -> None:
        site.answers["/"] = raw("200 OK", body, Content_Type="text/html; charset=zip")
        assert (await refusal(fetcher, site.url("/"))).reason == "not_a_picture"

    async def test_a_page_whose_picture_is_no_web_link(self, site: Site, fetcher: Fetcher) -> None:
        site.answers["/"] = page("data:image/png;base64,iVBORw0KGgo=")
        assert (await refusal(fetcher, site.url("/"))).reason == "bad_link"

    async def test_a_page_that_names_a_page(self, site: Site, fetcher: Fetcher) -> None:
        site.answers["/"] = page("/")
        assert (await refusal(fetcher, site.url("/"))).reason == "not_a_picture"
        assert len(site.requests) == 2


class TestSitesThatDoNotDeliver:
    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            ("404 Not Found", "not_found"),
            ("410 Gone", "not_found"),
            ("401 Unauthorized", "link_unreachable"),
            ("403 Forbidden", "link_unreachable"),
            ("429 Too Many Requests", "link_unreachable"),
            ("500 Internal Server Error", "link_unreachable"),
            ("503 Service Unavailable", "link_unreachable"),
            ("204 No Content", "link_unreachable"),
            ("206 Partial Content", "link_unreachable"),
            ("304 Not Modified", "link_unreachable"),
            ("999 Request Denied", "link_unreachable"),
        ],
    )
    async def test_statuses(self, status: str, reason: str, site: Site, fetcher: Fetcher) -> None:
        site.answers["/a"] = raw(status, JPEG, Content_Type="image/jpeg")
        assert (await refusal(fetcher, site.url("/a"))).reason == reason

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"\x89 this is no HTTP\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + JPEG,
            b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + JPEG,
            picture(Content_Length="90000"),
            picture(X_Long="x" * 20_000),
            picture().replace(b"\r\n\r\n", b"\r\nX: x" * 200 + b"\r\n\r\n"),
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
            raw("200 OK", b"x", Content_Type="image/jpeg", Content_Encoding="br"),
        ],
        ids=[
            "nothing",
            "noise",
            "half",
            "negative",
            "chunks",
            "short",
            "long-header",
            "many-headers",
            "upgrade",
            "brotli",
        ],
    )
    async def test_answers_that_are_none(self, answer: bytes, site: Site, fetcher: Fetcher) -> None:
        site.answers["/a"] = answer
        assert (await refusal(fetcher, site.url("/a"))).reason == "link_unreachable"

    async def test_a_name_that_does_not_exist(self, fetcher: Fetcher) -> None:
        refused = await refusal(fetcher, "https://nowhere.test/a.jpg")
        assert refused.reason == "link_unreachable"
        assert "name" in refused.message

    async def test_a_port_where_nobody_listens(self, site: Site, fetcher: Fetcher) -> None:
        await site.__aexit__()
        assert (await refusal(fetcher, site.url("/a"))).reason == "link_unreachable"

    async def test_a_certificate_that_nobody_signed(self, tmp_path: Path) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("openssl, which makes the certificate, isn't installed")
        key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
        command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-subj", "/CN=photos.test", "-addext", "subjectAltName=DNS:photos.test"]
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        async with Site({"/a": picture()}, tls=tls) as site:
            names = KnownNames({"photos.test": ["127.0.0.1"]})
            async with Fetcher(settings(site), resolver=names) as fetcher:
                refused = await refusal(fetcher, f"https://photos.test:{site.port}/a")
        assert refused.reason == "link_unreachable"
        assert site.requests == []


@pytest.mark.parametrize("cause", list(Cause))
def test_every_refusal_is_one_sentence_that_says_what_to_do(cause: Cause) -> None:
    message = cause.refused(megabytes=50).message
    assert message[0].isupper()
    assert message.endswith(".")
    assert ". " not in message
    assert "please" in message
    assert "{" not in message
