"""Reddit's rules for programs: who they say they are, what they may, and how often they may ask."""

from __future__ import annotations

import re
import secrets
import time
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass

from tests.platforms.reddit.calls import Answer, Call, Rejected, said, unauthorized
from tests.platforms.reddit.rendering import recorded

# https://github.com/reddit-archive/reddit/wiki/API: <platform>:<app ID>:<version string> (by /u/<reddit username>)
USER_AGENT = re.compile(r"[\w.\-]+:[\w.\-]+:v?\d[\w.\-]* \(by /?u/[\w-]+\)")

_UNDER_WAY_SECONDS = 0.5


@dataclass
class Credentials:
    """What a person has to log the bot in with."""

    username: str
    client_id: str = "client-id-of-it"
    client_secret: str = "client-secret"
    password: str = "correct horse"
    refresh_token: str = "refresh-token"


class Tokens:
    """Access tokens, as ``/api/v1/access_token`` gives them out."""

    def __init__(self, credentials: Credentials, lifetime: float = 86400.0) -> None:
        """``lifetime`` of a token is in seconds."""
        self.credentials = credentials
        self.lifetime = lifetime
        self._ends: dict[str, float] = {}

    def give(self, call: Call) -> Answer:
        wanted = self.credentials
        if _basic(call.authorization) != (wanted.client_id, wanted.client_secret):
            raise unauthorized()
        form, grant = call.form, call.form.get("grant_type")
        if grant == "password":
            if (form.get("username", "").lower(), form.get("password")) != (wanted.username.lower(), wanted.password):
                return said({"error": "invalid_grant"})
            return self._new({})
        if grant == "refresh_token":
            if form.get("refresh_token") != wanted.refresh_token:
                return said({"message": "Bad Request", "error": 400}, 400)
            return self._new({"refresh_token": wanted.refresh_token})
        return said({"error": "unsupported_grant_type"})

    def revoke_all(self) -> None:
        self._ends.clear()

    def good(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and self._ends.get(token, 0.0) > time.monotonic()

    def _new(self, more: dict[str, str]) -> Answer:
        token = secrets.token_urlsafe(24)
        self._ends[token] = time.monotonic() + self.lifetime
        answer = recorded("access_token")
        return said({**answer, "access_token": token, "expires_in": int(self.lifetime), **more})


class RateLimit:
    """How many calls are left in the running window, as the ``x-ratelimit-*`` headers tell."""

    def __init__(self, calls: int = 10_000, window: float = 600.0, *, begun: float = 300.0) -> None:
        """``begun`` seconds of the first window have already passed."""
        self.calls = calls
        self.window = window
        self._ends = time.monotonic() + window - begun
        self._used = 0
        self._told = 0.0
        self._knowing: set[str] = set()

    def spend(self) -> bool:
        """Count a call; return whether it was still allowed."""
        now = time.monotonic()
        if now >= self._ends:
            self._ends, self._used = now + self.window, 0
            self._knowing.clear()
        self._used += 1
        if self._used == self.calls:
            self._told = now
        return self._used <= self.calls

    def exhaust(self, seconds: float) -> None:
        """Leave nothing for the next seconds."""
        self._told = time.monotonic()
        self._ends, self._used = self._told + seconds, self.calls
        self._knowing.clear()

    def told(self, authorization: str) -> None:
        """Note that a session has had an answer, with the headers of this moment."""
        if self._used >= self.calls:
            self._knowing.add(authorization)

    def known(self, authorization: str) -> bool:
        """Whether a session must have heard by now that nothing is left: its call may have been under way."""
        return authorization in self._knowing and time.monotonic() - self._told > _UNDER_WAY_SECONDS

    def headers(self) -> dict[str, str]:
        left = max(self.calls - self._used, 0)
        return {
            "x-ratelimit-remaining": f"{left:.1f}",
            "x-ratelimit-used": str(min(self._used, self.calls)),
            "x-ratelimit-reset": str(max(int(self._ends - time.monotonic()) + 1, 0)),
        }


class Doorkeeper:
    """Lets calls in, and notes what a well-behaved program would not have done."""

    def __init__(self, tokens: Tokens, rate: RateLimit) -> None:
        self.tokens = tokens
        self.rate = rate
        self.complaints: list[str] = []
        self._busy: dict[str, Call] = {}

    def judge(self, call: Call) -> None:
        """Raise ``Rejected`` for a call that Reddit wouldn't take."""
        if call.site in ("www", "oauth"):
            self._judge_user_agent(call)
        if call.site == "www" and call.path != "/api/v1/access_token":
            self.complaints.append(f"asked www instead of oauth: {call}")
        if call.site != "oauth":
            return
        if not call.authorization:
            self.complaints.append(f"unauthenticated: {call}")
        if not self.tokens.good(call.authorization):
            raise unauthorized()
        if not self.rate.spend():
            if self.rate.known(call.authorization):
                self.complaints.append(f"asked although x-ratelimit-remaining was 0: {call}")
            raise Rejected(said({"message": "Too Many Requests", "error": 429}, 429))

    def begin(self, call: Call) -> None:
        """Note a call as going on: a token is one session's, and a session asks for one thing after the other."""
        if call.site != "oauth" or not call.authorization or call.has_hung_up():
            return
        other = self._busy.get(call.authorization)
        if other is not None and not other.has_hung_up():
            self.complaints.append(f"one session, two calls at once: {other} and {call}")
        self._busy[call.authorization] = call

    def end(self, call: Call) -> None:
        if self._busy.get(call.authorization) is call:
            del self._busy[call.authorization]

    def _judge_user_agent(self, call: Call) -> None:
        if not call.user_agent or not USER_AGENT.match(call.user_agent):
            self.complaints.append(f"user agent {call.user_agent!r} isn't <platform>:<app>:<version> (by u/<name>)")
        if not call.user_agent or call.user_agent.startswith(("python-requests", "Python/", "aiohttp")):
            raise Rejected(said({"message": "Too Many Requests", "error": 429}, 429))


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, word = b64decode(secret).decode().partition(":")
    except (NotBase64, UnicodeDecodeError):
        return None
    return name, word
