"""Whose request it is: known by a cookie, or by a token for one request."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from aiohttp import hdrs, web
from yarl import URL

from bot.adapters.web.problems import NotYours
from bot.vocabulary import Request

PLATFORM = "web"
COOKIE = "colorizebot_owner"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_YEAR_SECONDS = 365 * 24 * 3600
_BEARER = "Bearer "


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody at a browser, or a program; the ledger knows them by ``requester``."""

    secret: str
    """The cookie's value: 256 random bits."""
    returning: bool
    """Whether the cookie came with the request, so that it will come again."""

    @property
    def requester(self) -> str:
        """Return the hash under which the ledger knows the owner, from which the cookie can't be told."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


class Owners:
    """Tells owners apart, and lets them in to what is theirs."""

    def __init__(self, public_url: URL | None) -> None:
        """``public_url`` is the page's address when there is a proxy in front."""
        self._public_url = public_url
        self._address_key = secrets.token_bytes(16)

    def of(self, request: web.Request) -> Owner:
        """Return who sent the request; somebody new when it carries no (sensible) cookie."""
        secret = request.cookies.get(COOKIE, "")
        if _SECRET.fullmatch(secret):
            return Owner(secret, returning=True)
        return Owner(secrets.token_urlsafe(32), returning=False)

    def remember(self, owner: Owner, response: web.StreamResponse) -> None:
        """Put the owner's cookie on the response, good for another year."""
        response.set_cookie(
            COOKIE,
            owner.secret,
            max_age=_YEAR_SECONDS,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._public_url is not None and self._public_url.scheme == "https",
        )

    def check(self, asked: Request, request: web.Request) -> None:
        """Let the owner of ``asked`` pass, by cookie or bearer token. Raises ``NotYours`` for everybody else."""
        if asked.platform != PLATFORM:
            raise NotYours  # shown here, but asked for elsewhere
        authorization = request.headers.get(hdrs.AUTHORIZATION, "")
        if authorization.startswith(_BEARER):
            known = hmac.compare_digest(
                authorization.removeprefix(_BEARER).encode(errors="replace"), token(asked).encode()
            )
        else:
            known = hmac.compare_digest(self.of(request).requester, asked.requester)
        if not known:
            raise NotYours

    def community_of(self, request: web.Request) -> str:
        """Return a word for the network address that the request comes from, to count what comes from there.

        The key is a new one at every start, so that the word can't be turned back into the address.
        """
        return hashlib.blake2b(self._network_of(request).encode(), key=self._address_key, digest_size=16).hexdigest()

    def _network_of(self, request: web.Request) -> str:
        forwarded = request.headers.getall(hdrs.X_FORWARDED_FOR, [])
        text = request.remote or ""
        if self._public_url is not None and forwarded:
            # The last entry of the last line is the proxy's; those before it are whatever the client cared to write.
            text = forwarded[-1].rpartition(",")[2].strip()
        try:
            address = ip_address(text)
        except ValueError:
            return text
        if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
            return str(IPv6Address(int(address) >> 64 << 64))  # one customer's network
        return str(address)


def token(asked: Request) -> str:
    """Return the bearer token of a request: nothing but the ledger's entry is needed to check it."""
    return hmac.new(asked.requester.encode(), asked.id.encode(), hashlib.sha256).hexdigest()
