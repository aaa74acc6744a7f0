"""The worker's client: photos in, recolored photos out, over TCP or a UNIX socket.

    async with InferenceClient("http://127.0.0.1:8090") as worker:
        recolored = await worker.recolor(photo, RecolorOptions(vividness=1.2))

Needs neither the model's dependencies nor the model.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import hdrs

from inference.problems import PROBLEM_MEDIA_TYPE, CertificateNeeded, Problem, TokenNeeded
from inference.request_id import REQUEST_ID_HEADER, current
from inference.tls import ClientTls
from inference.vocabulary import (
    HEIGHT_HEADER,
    INPUT_HEADER,
    MODEL_HEADER,
    WIDTH_HEADER,
    InputKind,
    Recolored,
    RecolorOptions,
)

MAX_ANSWER_BYTES = 512 * 2**20
"""Most that is taken in of an answer, whatever the worker sends."""

_SOCKET_URL = "http://worker"
_CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 3.0
"""How long a worker may take to say how it is. Whoever asks the bot the same has not much more patience."""
_POLL_SECONDS = 0.1
_MEDIA_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
_MOST_PIXELS_A_SIDE = 2**31 - 1
_SECONDS = re.compile(r"[0-9]{1,6}")
_SERVER_TIMING = re.compile(r"\s*([\w-]+);dur=([\d.]+)\s*")


class WorkerLost(Exception):  # noqa: N818 - it says what happened
    """The worker gave no answer: it can't be reached, went away midway, or took too long. Asking again is safe."""


class Refusal(Enum):
    """Why a worker and its client don't trust each other."""

    TOKEN = auto()
    """The worker doesn't take the client's token, or wants one."""
    CLIENT_CERTIFICATE = auto()
    """The worker doesn't take the client's certificate, or wants one."""
    SERVER_CERTIFICATE = auto()
    """The client doesn't trust the worker's certificate."""
    TLS = auto()
    """What answers there doesn't speak TLS, or not as the client does."""


_REFUSALS: Mapping[type[Problem], Refusal] = {
    TokenNeeded: Refusal.TOKEN,
    CertificateNeeded: Refusal.CLIENT_CERTIFICATE,
}


class AccessRefused(WorkerLost):
    """Worker and client don't trust each other. No photo is to blame, and asking again doesn't help by itself."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


class InferenceClient:
    """A client of one worker, or of a cluster behind one address; an async context manager."""

    def __init__(
        self,
        url: str | None = None,
        socket: Path | None = None,
        timeout: float = 300.0,
        *,
        token: str | None = None,
        tls: ClientTls | None = None,
    ) -> None:
        """Talk to the worker at ``url`` or at the UNIX ``socket``; give up on an answer after ``timeout`` seconds.

        ``token`` is what the worker wants to be told; ``tls``, how to speak with it over https, if not as the system
        does. Raises ``ValueError`` unless exactly one of ``url`` and ``socket`` is given.
        """
        if (url is None) == (socket is None):
            raise ValueError("give either the worker's URL or its UNIX socket")
        self._url = (url or _SOCKET_URL).rstrip("/")
        self._socket = socket
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_SECONDS)
        self._headers = {} if token is None else {hdrs.AUTHORIZATION: f"Bearer {token}"}
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # A fresh connection for every request: one kept alive may die with a restarted worker just when it is used.
        connector = (
            aiohttp.TCPConnector(limit=0, force_close=True, ssl=True if self._tls is None else self._tls.context)
            if self._socket is None
            else aiohttp.UnixConnector(str(self._socket), limit=0, force_close=True)
        )
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, headers=self._headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def recolor(self, data: bytes, options: RecolorOptions | None = None) -> Recolored:
        """Return the photo in ``data`` (an image file's bytes) recolored.

        Raises the ``Problem`` that the worker answered, ``WorkerLost`` or ``AccessRefused``. Cancelling it tells the
        worker to stop.
        """
        query = (options or RecolorOptions()).to_query()
        # Expecting "100 Continue", the body is only sent once the worker has said that it takes it.
        answer = await self._ask("POST", "/v1/recolor", params=query, data=data, expect100=True)
        return answer.recolored()

    async def model(self) -> dict[str, Any]:
        """Return the worker's description of its model.

        Raises ``NotReady`` while it loads, ``WorkerLost`` or ``AccessRefused``.
        """
        answer = await self._ask("GET", "/v1/model", timeout=aiohttp.ClientTimeout(total=_CONNECT_SECONDS))
        return answer.document()

    async def check_access(self) -> None:
        """Raise ``AccessRefused`` if the worker and this client don't trust each other, as far as that can be told now.

        While the worker is away, it can't.
        """
        try:
            await self.model()
        except AccessRefused:
            raise
        except WorkerLost:
            await self._ready()
        except Problem:
            pass  # it let the client in, to say so

    async def ready(self) -> bool:
        """Whether the worker takes photos now; it may still not know this client."""
        try:
            return await self._ready()
        except WorkerLost:
            return False

    async def wait_ready(self, timeout: float) -> None:  # noqa: ASYNC109 - a limit that callers choose
        """Wait until the worker takes photos.

        Raises ``WorkerLost`` after ``timeout`` seconds, and ``AccessRefused`` at once.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if await self._ready():
                        return
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            raise WorkerLost(f"The worker did not become ready within {timeout:g} seconds.") from error

    async def _ready(self) -> bool:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                return (await self._ask("GET", "/readyz")).status == HTTPStatus.OK
        except TimeoutError:
            return False
        except AccessRefused:
            raise
        except WorkerLost:
            if await self._is_let_in_without_certificate():
                raise AccessRefused(
                    Refusal.CLIENT_CERTIFICATE, "The worker hangs up when it is shown the client's certificate."
                ) from None
            return False

    async def _is_let_in_without_certificate(self) -> bool:
        """Whether a worker that can't be asked as usual answers when no certificate is shown.

        In TLS 1.3, a server that turns a certificate down just hangs up, as one that dies does.
        """
        if self._tls is None or self._tls.anonymous is None:
            return False
        try:
            return (await self._ask("GET", "/healthz", ssl=self._tls.anonymous)).status == HTTPStatus.OK
        except WorkerLost:
            return False

    async def _ask(self, method: str, path: str, **request: Any) -> _Answer:
        if self._session is None:
            raise RuntimeError("use the client in an “async with” block")
        request_id = current()
        headers = {} if request_id is None else {REQUEST_ID_HEADER: request_id}
        try:
            async with self._session.request(
                method, self._url + path, headers=headers, allow_redirects=False, **request
            ) as response:
                return _Answer(response.status, response.headers, await _read(response))
        except aiohttp.ClientConnectorCertificateError as error:
            reason = getattr(error.certificate_error, "verify_message", error.certificate_error)
            message = f"The worker's certificate is not trusted: {reason}."
            raise AccessRefused(Refusal.SERVER_CERTIFICATE, message) from error
        except aiohttp.ClientSSLError as error:
            message = f"What answered there doesn't speak TLS as the client does: {error}."
            raise AccessRefused(Refusal.TLS, message) from error
        except TimeoutError as error:
            raise WorkerLost("The worker took too long to answer.") from error
        except aiohttp.ClientError as error:
            raise WorkerLost(f"The worker can't be reached, or went away: {error}.") from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the body; raises ``WorkerLost`` rather than take in more than any photo's result has."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise WorkerLost(f"What answered there sent more than {MAX_ANSWER_BYTES} bytes.")
    return bytes(body)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back. The methods raise the ``Problem`` told, or ``WorkerLost`` for what no worker answers."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def recolored(self) -> Recolored:
        self._raise_problem()
        headers = self.headers
        try:
            return Recolored(
                data=self.body,
                media_type=_media_type(headers[hdrs.CONTENT_TYPE]),
                width=_side(headers[WIDTH_HEADER]),
                height=_side(headers[HEIGHT_HEADER]),
                input=InputKind(headers[INPUT_HEADER]),
                model=headers[MODEL_HEADER],
                timings=_timings(headers.get("Server-Timing", "")),
            )
        except (KeyError, ValueError) as error:
            raise self._not_a_workers() from error

    def document(self) -> dict[str, Any]:
        self._raise_problem()
        return self._json()

    def _raise_problem(self) -> None:
        if self.status == HTTPStatus.OK:
            return
        # Anything else is a proxy before a worker that is gone, or no worker at all.
        if self.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0] != PROBLEM_MEDIA_TYPE:
            raise self._not_a_workers()
        seconds = self.headers.get(hdrs.RETRY_AFTER, "")
        problem = Problem.from_json(self._json(), retry_after=int(seconds) if _SECONDS.fullmatch(seconds) else None)
        if refusal := _REFUSALS.get(type(problem)):
            raise AccessRefused(refusal, problem.detail)
        raise problem

    def _json(self) -> dict[str, Any]:
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise self._not_a_workers() from error
        if not isinstance(document, dict):
            raise self._not_a_workers()
        return document

    def _not_a_workers(self) -> WorkerLost:
        return WorkerLost(f"What answered there (with status {self.status}) is no colorizebot worker.")


def _media_type(text: str) -> str:
    if text not in _MEDIA_TYPES:
        raise ValueError(f"no worker makes {text}")
    return text


def _side(text: str) -> int:
    pixels = int(text)
    if not 0 < pixels <= _MOST_PIXELS_A_SIDE:
        raise ValueError(f"no picture has a side of {pixels} pixels")
    return pixels


def _timings(server_timing: str) -> dict[str, float]:
    matches = map(_SERVER_TIMING.fullmatch, server_timing.split(","))
    return {match[1]: float(match[2]) for match in matches if match}
