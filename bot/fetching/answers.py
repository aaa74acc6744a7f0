"""Reading what a site answers: a picture, a page, or a pointer elsewhere; never more than allowed."""

from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import ClientResponse, StreamReader
from yarl import URL

from bot.fetching.pages import PAGE_BYTES
from bot.fetching.refusals import Cause, FetchRefused

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_UNDECLARED_TYPES = frozenset({"application/octet-stream", "binary/octet-stream", "application/x-octet-stream"})
_SIGNATURE_BYTES = 12
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that says or looks like it is a picture; whether it can be decoded is for the worker to tell.

    `url` is where it was found after redirects; `media_type` is what the site declared, without parameters.
    """

    data: bytes
    url: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Page:
    """The beginning of an HTML page."""

    html: str
    url: URL


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a site points instead of answering; as written, perhaps relative to `base`."""

    location: str
    base: URL


async def read(response: ClientResponse, max_bytes: int) -> Fetched | Page | Redirect:
    """Read one response, at most `max_bytes` decoded bytes of it.

    The first bytes decide, since sites often declare pictures wrongly; only where they tell nothing does the declared
    type. Raises `FetchRefused` for any status but 200 and redirects, for too many bytes and for what is no picture.
    """
    if response.status in _REDIRECTS and "Location" in response.headers:
        return Redirect(response.headers["Location"], response.url)
    if response.status != HTTPStatus.OK:
        raise _refusal_of(response.status)
    data = bytearray()
    await _fill(data, response.content, _SIGNATURE_BYTES)
    signed = _has_picture_signature(data)
    if response.content_type in _PAGE_TYPES and not signed:
        await _fill(data, response.content, PAGE_BYTES)
        # Links are ASCII in nearly every page; a decoder picked by the page would be one more thing to attack.
        return Page(data[:PAGE_BYTES].decode("utf-8", errors="replace"), response.url)
    if not signed and (not data or not _may_be_picture(response.content_type)):
        raise Cause.NOT_A_PICTURE.refused()
    await _read_picture(data, response, max_bytes)
    return Fetched(bytes(data), str(response.url), response.content_type)


async def _read_picture(data: bytearray, response: ClientResponse, max_bytes: int) -> None:
    too_large = Cause.TOO_LARGE.refused(megabytes=f"{max_bytes / 2**20:.3g}")
    if (response.content_length or 0) > max_bytes:
        raise too_large
    await _fill(data, response.content, max_bytes + 1)
    if len(data) > max_bytes:
        raise too_large


async def _fill(data: bytearray, content: StreamReader, until: int) -> None:
    """Append decoded bytes until `data` holds `until` (and a chunk more at most) or the body ends."""
    while len(data) < until and (chunk := await content.readany()):
        data += chunk


def _refusal_of(status: int) -> FetchRefused:
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return Cause.GONE.refused()
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Cause.SITE_TROUBLE.refused()
    if status >= HTTPStatus.BAD_REQUEST:
        return Cause.FORBIDDEN.refused()
    return Cause.NO_CONNECTION.refused()


def _has_picture_signature(head: bytes | bytearray) -> bool:
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*"))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and bytes(head[8:12]) in _HEIF_BRANDS)
    )


def _may_be_picture(media_type: str) -> bool:
    return media_type.startswith("image/") or media_type in _UNDECLARED_TYPES
