"""Who may use the worker over TCP: those who know its token, show a certificate, or both, as the settings say.

A UNIX socket needs neither: only the user who runs the worker can connect to it. ``/healthz`` and ``/readyz`` are open
to all, for the probes of orchestrators; ``/metrics`` is not.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from inference.problems import CertificateNeeded, Problem, TokenNeeded
from inference.settings import UnusableSettings, WorkerSettings, names_of
from inference.worker import log
from inference.worker.metrics import Metrics

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OPEN_TO_ALL = frozenset({"/healthz", "/readyz"})
_TOKEN = re.compile(r"[!-~]{16,}")
_SCHEME = "bearer"


def check_access(settings: WorkerSettings) -> None:
    """Raise ``UnusableSettings`` where those about access contradict each other, or the token is too easily guessed."""
    token = settings.token
    if token is not None and not _TOKEN.fullmatch(token.get_secret_value()):
        # Says nothing of what it is: messages end up in logs.
        raise UnusableSettings(
            f"{names_of('token')} has to be at least 16 ASCII characters without spaces, as from: openssl rand -hex 32."
        )
    if settings.tls_certificate is None:
        for name in ("tls_key", "tls_client_ca"):
            if getattr(settings, name) is not None:
                raise UnusableSettings(f"{names_of(name)} has no use without {names_of('tls_certificate')}.")


async def check_exposure(settings: WorkerSettings) -> None:
    """Raise ``UnusableSettings`` if strangers on the network were let in without having been invited.

    Tells in the log of tokens and photos that others may read on their way.
    """
    if await _is_loopback(settings.host, settings.port):
        return
    if not (settings.token or settings.tls_client_ca or settings.open):
        raise UnusableSettings(
            f"{names_of('host')} is “{settings.host}”, which others than this machine can reach: please set "
            f"{names_of('token')} or {names_of('tls_client_ca')}, or, on a network that is closed to strangers, "
            f"{names_of('open')}."
        )
    if settings.tls_certificate is None and not settings.open:
        log.event("unencrypted", level=logging.WARNING, host=settings.host, set=names_of("tls_certificate"))


async def _is_loopback(host: str, port: int) -> bool:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        # Nor may it be tried: by then, the name may stand for an address that others reach.
        why = getattr(error, "strerror", None) or "that is no name of a machine"
        raise UnusableSettings(f"{names_of('host')} can't be “{host}”: {why.lower()}.") from error
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


class _HasMetrics(Protocol):
    metrics: Metrics


def know_clients(settings: WorkerSettings, service: _HasMetrics) -> Middleware:
    """Return the middleware that lets only those in who may; raises ``Problem`` for the others."""

    @web.middleware
    async def middleware(request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.path not in OPEN_TO_ALL and not _came_by_unix_socket(request):
            try:
                _check(request, settings)
            except Problem as problem:
                service.metrics.requests.labels(problem.slug).inc()
                log.event("refused", status=problem.status, reason=problem.slug)
                raise
        return await handler(request)

    return middleware


def _check(request: web.Request, settings: WorkerSettings) -> None:
    if settings.tls_client_ca is not None and not _peer_certificate(request):
        raise CertificateNeeded
    if settings.token is not None and not _is_token(request, settings.token.get_secret_value()):
        raise TokenNeeded


def _is_token(request: web.Request, token: str) -> bool:
    scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    # In a time that tells nothing of how much of it was right.
    fits = hmac.compare_digest(given.strip().encode(errors="surrogateescape"), token.encode())
    return fits and scheme.lower() == _SCHEME


def _peer_certificate(request: web.Request) -> object:
    """Return the client's certificate, which has been verified by then; None when it has shown none."""
    return None if request.transport is None else request.transport.get_extra_info("peercert")


def _came_by_unix_socket(request: web.Request) -> bool:
    connection = None if request.transport is None else request.transport.get_extra_info("socket")
    return connection is not None and connection.family == socket.AF_UNIX
