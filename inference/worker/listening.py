"""Where the worker listens: TCP, a UNIX socket, or both."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

from inference.settings import UnusableSettings, WorkerSettings, names_of
from inference.tls import UnusableFile, server_context
from inference.worker.access import check_access, check_exposure

_OWNER_ONLY = 0o177
# How long the last answers may take to reach their clients, once they are made.
_DELIVERY_SECONDS = 5.0


@asynccontextmanager
async def listening(application: web.Application, settings: WorkerSettings) -> AsyncIterator[list[str]]:
    """Serve ``application`` where the settings say, for the duration of the block; yields the addresses.

    A request whose client leaves is cancelled. Raises ``UnusableSettings`` when it can't listen there, or would let in
    others than those on this machine without knowing them.
    """
    tls = await _prepare_tcp(settings) if settings.serves_tcp else None
    with ExitStack() as sockets:
        runner = web.AppRunner(
            application,
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=_DELIVERY_SECONDS,
            keepalive_timeout=settings.body_timeout_seconds,  # by default it would be an hour, with a descriptor each
        )
        await runner.setup()
        try:
            addresses = []
            if settings.socket is not None:
                await web.SockSite(runner, sockets.enter_context(_unix_socket(settings.socket))).start()
                addresses.append(f"unix:{settings.socket}")
            if settings.serves_tcp:
                addresses += await _listen_on_tcp(runner, settings.host, settings.port, tls)
            yield addresses
        finally:
            await runner.cleanup()


async def _prepare_tcp(settings: WorkerSettings) -> ssl.SSLContext | None:
    check_access(settings)
    await check_exposure(settings)
    if settings.tls_certificate is None:
        return None
    try:
        return server_context(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    except UnusableFile as error:
        setting = "tls_client_ca" if error.file == settings.tls_client_ca else "tls_certificate"
        setting = "tls_key" if error.file == settings.tls_key else setting
        raise UnusableSettings(f"{names_of(setting)} can't be {error.file}: {error}.") from error


async def _listen_on_tcp(runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None) -> list[str]:
    before = len(runner.addresses)
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
    except OSError as error:
        raise UnusableSettings(complaint_about(error, host, port)) from error
    scheme = "http" if tls is None else "https"
    return [_url(scheme, *address[:2]) for address in runner.addresses[before:]]


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def complaint_about(error: OSError, host: str, port: int) -> str:
    """Return the sentence for an operator whose ``host`` and ``port`` can't be listened on."""
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken by another program: please set {names_of('port')} to a free one."
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than this program has: please set {names_of('port')} above 1023."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{names_of('host')} can't be “{host}”: it is no address of this machine."
    return f"{names_of('host')} can't be “{host}”: {(error.strerror or str(error)).lower()}."


@contextmanager
def _unix_socket(path: Path) -> Iterator[socket.socket]:
    """Bind a socket that only this user may connect to, in place of one that a killed worker left behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        others_kept_out = os.umask(_OWNER_ONLY)
        try:
            _remove_stale(path)
            listener.bind(str(path))
        except OSError as error:
            raise UnusableSettings(f"{names_of('socket')} can't be {path}: {_reason(error)}.") from error
        finally:
            os.umask(others_kept_out)
        ours = path.stat().st_ino
        try:
            yield listener
        finally:
            listener.close()
            if path.exists() and path.stat().st_ino == ours:
                path.unlink()


def _remove_stale(path: Path) -> None:
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise UnusableSettings(f"{names_of('socket')} can't be {path}: there is another file.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise UnusableSettings(f"{names_of('socket')} can't be {path}: another worker listens there.")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
