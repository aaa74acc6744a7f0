"""Signing in, and the manners of every single request to Reddit.

prawcore repeats any request that fails, a POST too: a comment that Reddit had taken before its answer got lost would
be there twice. Its rate limiter sleeps for minutes where nobody can wake it, knows nothing of other threads, and trips
over headers that are there only in part. `Requestor` is what prawcore lets one replace, so both are put right there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import praw
import prawcore
from prawcore.const import ACCESS_TOKEN_PATH
from requests import Response

from bot.adapters import TryLater
from bot.adapters.reddit.pace import Pace
from bot.settings import RedditSettings
from bot.version import version

LOGIN_SETTINGS = (
    "COLORIZEBOT_REDDIT__CLIENT_ID, __CLIENT_SECRET, and __USERNAME with __PASSWORD or else __REFRESH_TOKEN"
)

OnCall = Callable[[int | None], None]

_SERVER_ERRORS = range(500, 600)
_PACE_HEADERS = ("x-ratelimit-remaining", "x-ratelimit-used", "x-ratelimit-reset")


class LoginRefused(prawcore.PrawcoreException):
    """Reddit gave no token: the credentials are wrong, or it stumbled."""


class NotRepeated(Exception):  # noqa: N818 - says what happened
    """Stands for an error that prawcore would repeat a POST after."""


class Requestor(prawcore.Requestor):
    """Sends each POST once at most, and keeps the pace that Reddit asks for."""

    def __init__(self, *, pace: Pace, stopping: threading.Event, on_call: OnCall, **options: Any) -> None:
        """``pace`` is shared by all threads; no request begins once ``stopping`` is set."""
        self._on_call = on_call
        self._pace = pace
        self._stopping = stopping
        super().__init__(**options)

    def request(self, *args: Any, timeout: float | None = None, **options: Any) -> Response:
        """Send one request; ``timeout`` is how long Reddit may keep silent, in seconds.

        Raises ``TryLater`` instead of waiting long for a turn.
        """
        method, url = args
        options["timeout"] = timeout
        if self._stopping.is_set():
            raise TryLater("the bot is stopping")
        if url.endswith(ACCESS_TOKEN_PATH):
            return self._sign_in(method, url, **options)
        if not url.startswith(self.oauth_url):
            return self._send(method, url, **options)  # a picture, to where Reddit keeps them
        self._pace.wait(self._stopping)
        response = self._send(method, url, **options)
        self._pace.learn(response.status_code, response.headers)
        for name in _PACE_HEADERS:
            response.headers.pop(name, None)
        return response

    def _sign_in(self, method: str, url: str, **options: Any) -> Response:
        response = self._ask(method, url, **options)
        if response.status_code in (400, 401, 403):
            raise LoginRefused(f"Reddit refused to sign in, with status {response.status_code}")
        return response

    def _send(self, method: str, url: str, **options: Any) -> Response:
        if method.upper() != "POST":
            return self._ask(method, url, **options)
        try:
            response = self._ask(method, url, **options)
        except prawcore.RequestException as error:
            hidden = NotRepeated(type(error.original_exception).__name__)
            raise prawcore.RequestException(hidden, error.request_args, error.request_kwargs) from None
        if response.status_code in _SERVER_ERRORS:
            raise prawcore.ServerError(response)
        return response

    def _ask(self, method: str, url: str, **options: Any) -> Response:
        try:
            response = super().request(method, url, **options)
        except prawcore.RequestException:
            self._on_call(None)
            raise
        self._on_call(response.status_code)
        return response


def sign_in(
    settings: RedditSettings, pace: Pace, stopping: threading.Event, on_call: OnCall = lambda _status: None
) -> praw.Reddit:
    """Return a Reddit object for one thread; it asks for a token when it is first used.

    ``on_call`` is told the status of each of Reddit's answers, ``None`` when there was none.

    Everything is passed, set or not, so that no ``praw.ini`` that lies about has a say.
    """
    password = settings.password if settings.refresh_token is None else None
    return praw.Reddit(
        client_id=settings.client_id,
        client_secret=_revealed(settings.client_secret),
        username=settings.username if password is not None else None,
        password=_revealed(password),
        refresh_token=_revealed(settings.refresh_token),
        redirect_uri=None,
        user_agent=user_agent(settings),
        reddit_url=settings.reddit_url,
        oauth_url=f"{settings.oauth_url}/",
        check_for_updates=False,
        check_for_async=False,
        ratelimit_seconds=0,
        requestor_class=Requestor,
        requestor_kwargs={"pace": pace, "stopping": stopping, "on_call": on_call},
    )


def user_agent(settings: RedditSettings) -> str:
    """Return how the bot names itself, as https://github.com/reddit-archive/reddit/wiki/API asks.

    >>> user_agent(RedditSettings(username="colorizebot"))
    'python:colorizebot:v0.1.0 (by u/colorizebot)'
    """
    if settings.user_agent:
        return settings.user_agent
    by = f" (by u/{settings.username})" if settings.username else f" (app {settings.client_id})"
    return f"python:colorizebot:v{version()}{by}"


def _revealed(secret: Any) -> str | None:
    return None if secret is None else str(secret.get_secret_value())
