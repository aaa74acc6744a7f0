"""Reading what is posted: photos as they stream in, onto the disk; links; options. Nothing is taken on trust."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import BadHttpMessage

from bot import wording
from bot.adapters.web.problems import MalformedBody, UnsupportedBody
from bot.fetching import links
from bot.intake import Declined
from bot.settings import LimitSettings
from bot.storage import Storage, TooLarge
from bot.vocabulary import ImageKind, ImageReference
from inference.problems import EmptyBody, InvalidOption, TooManyBytes
from inference.vocabulary import RecolorOptions

_T = TypeVar("_T")

IMAGE_FIELD = "image"
MAX_JSON_BYTES = 64 * 1024
_MAX_OPTION_BYTES = 1024
_MAX_OPTIONS = 16
_PIECE = 256 * 1024
_PAUSE_SECONDS = 30.0
"""The longest that a client may say nothing in the middle of an upload."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a POST asks for."""

    images: tuple[ImageReference, ...]
    options: RecolorOptions
    digest: str
    """Hash of all of it: the same POST sent again has the same."""


class Uploads:
    """Reads posts into the storage."""

    def __init__(
        self, storage: Storage, limits: Callable[[], LimitSettings], allowed: frozenset[links.HostPort]
    ) -> None:
        """``allowed`` are the private places that the operator lets the fetcher reach."""
        self._storage = storage
        self._current_limits = limits
        self._allowed = allowed

    @property
    def _limits(self) -> LimitSettings:
        return self._current_limits()

    async def read(self, request: web.Request, request_id: str) -> Asked:
        """Read a POST; its photos are in the storage under ``request_id`` when this returns or raises.

        Raises ``Problem``, ``Declined`` when there are too many photos, or ``FetchRefused`` for what can't be a link.
        """
        if request.content_type == "multipart/form-data":
            return await self._read_form(request, request_id)
        if request.content_type == "application/json":
            return await self._read_link(request)
        raise UnsupportedBody

    async def _read_link(self, request: web.Request) -> Asked:
        document = await read_json(request)
        url = document.pop("url", None)
        if not isinstance(url, str):
            raise MalformedBody
        link = links.check(url, self._allowed)
        return Asked(
            images=(ImageReference(ImageKind.URL, str(link.url)),),
            options=read_options(document),
            digest=hashlib.sha256(json.dumps([url, document], sort_keys=True).encode()).hexdigest(),
        )

    async def _read_form(self, request: web.Request, request_id: str) -> Asked:
        # The form's own words take some room beside the photos.
        room = self._limits.max_pictures * self._limits.max_upload_bytes + MAX_JSON_BYTES
        if (request.content_length or 0) > room:
            raise self._too_large()
        form = _Form()
        try:
            reader = await request.multipart()
            while (part := await _next_part(reader)) is not None:
                if isinstance(part, MultipartReader):
                    raise MalformedBody
                if part.name == IMAGE_FIELD:
                    await self._keep(part, request_id, form)
                else:
                    await _read_option(part, form)
        except (ValueError, AssertionError, BadHttpMessage) as error:  # how aiohttp tells of a form that is broken
            raise MalformedBody from error
        return Asked(tuple(form.images), read_options(form.options), form.hash.hexdigest())

    async def _keep(self, part: BodyPartReader, request_id: str, form: _Form) -> None:
        if len(form.images) >= self._limits.max_pictures:
            raise Declined(wording.too_many_pictures(self._limits.max_pictures))
        photo = _Photo()
        try:
            image = await self._storage.save_input(
                request_id, len(form.images), photo.pieces(part), max_bytes=self._limits.max_upload_bytes
            )
        except TooLarge:
            raise self._too_large() from None
        if not photo.size:
            raise EmptyBody
        form.images.append(image)
        form.hash.update(b"image" + photo.hash.digest())

    def _too_large(self) -> TooManyBytes:
        megabytes = self._limits.max_upload_bytes // 2**20
        return TooManyBytes(f"That file is larger than {megabytes} MB; please send a smaller copy.")


async def read_json(request: web.Request) -> dict[str, object]:
    """Return the JSON object in the request's body. Raises ``MalformedBody``."""
    try:
        document = json.loads(await _within_patience(request.read()))
    except (ValueError, RecursionError) as error:
        raise MalformedBody from error
    if not isinstance(document, dict):
        raise MalformedBody
    return document


def read_options(document: Mapping[str, object]) -> RecolorOptions:
    """Return the options, given as JSON or as a form's texts. Raises ``InvalidOption``."""
    for name, value in document.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise InvalidOption(f"The option “{name[:40]}” has to be a number or a word.")
    return RecolorOptions.from_query({name: str(value) for name, value in document.items()})


@dataclass(slots=True)
class _Form:
    images: list[ImageReference] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)


@dataclass(slots=True)
class _Photo:
    """Counts and hashes a photo while it passes."""

    size: int = 0
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    async def pieces(self, part: BodyPartReader) -> AsyncIterator[bytes]:
        while piece := await _within_patience(part.read_chunk(_PIECE)):
            self.size += len(piece)
            self.hash.update(piece)
            yield piece


async def _next_part(reader: MultipartReader) -> MultipartReader | BodyPartReader | None:
    try:
        return await _within_patience(reader.next())
    except RuntimeError as error:  # how aiohttp tells of a default charset that is none
        raise MalformedBody from error


async def _read_option(part: BodyPartReader, form: _Form) -> None:
    if part.name is None or len(form.options) >= _MAX_OPTIONS:
        raise MalformedBody
    value = b""
    while piece := await _within_patience(part.read_chunk(_MAX_OPTION_BYTES)):
        value += piece
        if len(value) > _MAX_OPTION_BYTES:
            raise MalformedBody
    form.options[part.name] = value.decode()
    form.hash.update(json.dumps([part.name, form.options[part.name]]).encode())


async def _within_patience(step: Awaitable[_T]) -> _T:
    try:
        async with asyncio.timeout(_PAUSE_SECONDS):
            return await step
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
