"""Contexts for TLS between a worker and its clients, made from PEM files."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

_NO_PASSWORD = ""
"""Given to OpenSSL so that it complains about a key with a password, rather than ask for it at the terminal."""


class UnusableFile(Exception):  # noqa: N818 - it is a message to the operator, not a bug
    """A certificate, key or authority that can't be used; the message says why, to go after the file's name."""

    def __init__(self, file: Path, why: str) -> None:
        """``file`` is the one that is to blame, as far as that can be told."""
        self.file = file
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class ClientTls:
    """How a client speaks TLS."""

    context: ssl.SSLContext
    anonymous: ssl.SSLContext | None
    """The same without the client's certificate; None where it has none."""


def server_context(certificate: Path, key: Path | None, client_ca: Path | None) -> ssl.SSLContext:
    """Return a server's context; clients may show a certificate where there is a ``client_ca`` to have signed it.

    Whether a request needs one is for the application to say, so that some need none. Raises ``UnusableFile``.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load_certificate(context, certificate, key)
    if client_ca is not None:
        _load_authority(context, client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def client_tls(ca: Path | None, certificate: Path | None, key: Path | None) -> ClientTls:
    """Return how to speak with servers that ``ca`` (by default, the system's authorities) vouches for.

    Raises ``UnusableFile``.
    """
    context = _client_context(ca)
    if certificate is None:
        return ClientTls(context, anonymous=None)
    _load_certificate(context, certificate, key)
    return ClientTls(context, anonymous=_client_context(ca))


def _client_context(ca: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is None:
        context.load_default_certs()
    else:
        _load_authority(context, ca)
    return context


def _load_authority(context: ssl.SSLContext, file: Path) -> None:
    _check_readable(file)
    try:
        context.load_verify_locations(cafile=file)
    except ssl.SSLError as error:
        raise UnusableFile(file, "it holds no certificate in PEM format") from error


def _load_certificate(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    for file in (certificate, key):
        if file is not None:
            _check_readable(file)
    try:
        context.load_cert_chain(certificate, key, password=_NO_PASSWORD)
    except ssl.SSLError as error:
        raise UnusableFile(certificate, _complaint(error, key)) from error


def _complaint(error: ssl.SSLError, key: Path | None) -> str:
    where = "in it" if key is None else f"in {key}"
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key {where} is that of another certificate"
    if error.reason in ("BAD_DECRYPT", "BAD_PASSWORD_READ"):
        return f"the key {where} has a password; please store it without one"
    return f"there is no certificate in it, or no key {where}, in PEM format"


def _check_readable(file: Path) -> None:
    try:
        file.read_bytes()
    except OSError as error:
        raise UnusableFile(file, (error.strerror or str(error)).lower()) from error
