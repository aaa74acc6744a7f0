"""Reading links: what may be fetched at all, before anything is resolved or dialled."""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from yarl import URL

from bot.fetching.addresses import is_public
from bot.fetching.refusals import Cause
from bot.problems import OperatorError

MAX_LINK_LENGTH = 4096
_WEB_PORTS = frozenset({80, 443})
_FIRST_USER_PORT = 1024  # below are mail, databases' and terminals' well-known ports, apart from the web's
_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_ENDS_IN_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?")
_BEYOND_HOST_AND_PORT = frozenset("/?#@\\")

HostPort = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Link:
    """A checked link; `trusted` when the operator listed its host and port in ALLOW_PRIVATE."""

    url: URL
    trusted: bool


def parse_allowed(entries: Iterable[str]) -> frozenset[HostPort]:
    """Read the `host:port` entries of COLORIZEBOT_FETCH__ALLOW_PRIVATE.

    An entry permits links whose host and port are written just so (apart from upper case, and from the port that a
    scheme implies): "nas.lan:8000" permits http://nas.lan:8000/, at whatever address that name resolves to, and
    "[fd00::7]:443" permits https://[fd00::7]/. It permits no other spelling of the same machine (no address for a
    name, no trailing dot, no decimal notation), no other port, and no redirect from there to another private host.
    Whoever may post links may then have the bot fetch from there; only pictures come back.

    Raises `OperatorError`, naming the setting, for an entry that isn't `host:port`.
    """
    return frozenset(_parse_allowed(entry) for entry in entries)


def _parse_allowed(entry: str) -> HostPort:
    advice = f"COLORIZEBOT_FETCH__ALLOW_PRIVATE: {entry!r} isn't host:port, such as nas.lan:8000 or [fd00::7]:8000"
    try:
        url = URL(f"http://{entry}")
    except ValueError as error:
        raise OperatorError(advice) from error
    host, port = url.raw_host, url.explicit_port
    if not host or not port or not _BEYOND_HOST_AND_PORT.isdisjoint(entry):
        raise OperatorError(advice)
    return host, port


def check(text: str, allowed: frozenset[HostPort], *, base: URL | None = None) -> Link:
    """Turn what somebody wrote, or what a site redirects to from `base`, into a link that may be tried.

    Bare IPv4 addresses come out in dotted notation, whatever they were written in (as browsers do), so that the
    address that is judged is the address that is dialled. Raises `FetchRefused`: bad_link or private_address.
    """
    url = _parse(text, base)
    if url.scheme not in {"http", "https"} or not url.raw_host or not url.port:
        raise Cause.NOT_A_LINK.refused()
    if url.raw_user is not None or url.raw_password is not None:
        raise Cause.WITH_PASSWORD.refused()
    if (url.raw_host, url.port) in allowed:
        return Link(url, trusted=True)
    address = _bare_address(url.raw_host)
    if address is not None and not is_public(address):
        raise Cause.PRIVATE.refused()
    if url.port not in _WEB_PORTS and url.port < _FIRST_USER_PORT:
        raise Cause.UNUSUAL_PORT.refused()
    return Link(url if address is None else url.with_host(str(address)), trusted=False)


def _parse(text: str, base: URL | None) -> URL:
    if len(text) > MAX_LINK_LENGTH:
        raise Cause.NOT_A_LINK.refused()
    try:
        url = URL(text.strip())
        # Anew from text: the host of what is joined hasn't been read yet, and may be none.
        return url if base is None else URL(str(base.join(url)))
    except (ValueError, IndexError) as error:
        raise Cause.NOT_A_LINK.refused() from error


def _bare_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that `host` spells out, or None for a name.

    A host whose last label is a number is an IPv4 address or nothing (https://url.spec.whatwg.org/#ends-in-a-number-checker);
    `inet_aton` reads decimal, octal, hexadecimal and shortened ones just as the system's resolver would.
    """
    if ":" in host:
        try:
            return IPv6Address(host)
        except AddressValueError as error:
            raise Cause.NOT_A_LINK.refused() from error
    if not _NAME.fullmatch(host):
        raise Cause.NOT_A_LINK.refused()
    if not _ENDS_IN_NUMBER.fullmatch(host):
        return None
    try:
        return IPv4Address(socket.inet_aton(host.removesuffix(".")))
    except OSError as error:
        raise Cause.NOT_A_LINK.refused() from error
