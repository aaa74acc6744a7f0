"""What can go wrong with Reddit, and what it means.

PRAW trusts what it reads, so an answer that is not as it should be shows as a ``KeyError`` or the like from somewhere
in it. All of that means one thing: try again later, and look before posting.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import ParseError

import prawcore
import requests
from praw.exceptions import PRAWException, RedditAPIException

from bot.adapters import TryLater
from bot.adapters.reddit.session import LOGIN_SETTINGS, LoginRefused, NotRepeated

TROUBLES = (
    PRAWException,
    prawcore.PrawcoreException,
    requests.RequestException,
    OSError,
    # How PRAW and prawcore trip over answers of another shape than they expect.
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    ParseError,
)

RATE_LIMITED = "RATELIMIT"
_UNITS = {"millisecond": 0.001, "second": 1.0, "minute": 60.0, "hour": 3600.0}


def try_later(error: BaseException, *, retry_after: float | None = None) -> TryLater:
    """Say for the log what happened, and when to try again where Reddit says so."""
    if isinstance(error, TryLater):
        return error
    return TryLater(describe(error), retry_after=_asked_to_wait(error) or retry_after)


def describe(error: BaseException) -> str:
    """Describe a trouble in a few words, without anything that people wrote."""
    match error:
        case LoginRefused() | prawcore.OAuthException():
            return f"Reddit refused to sign the bot in ({error}); check {LOGIN_SETTINGS}"
        case prawcore.InsufficientScope():
            return "the refresh token lacks a scope; make one with all scopes for COLORIZEBOT_REDDIT__REFRESH_TOKEN"
        case prawcore.RequestException(original_exception=NotRepeated() as cause):
            return f"Reddit didn't answer: {cause}"
        case prawcore.RequestException():
            return f"Reddit didn't answer: {type(error.original_exception).__name__}"
        case prawcore.BadJSON():
            return "Reddit's answer was not JSON"
        case prawcore.ResponseException():
            return f"Reddit answered with status {error.response.status_code}"
        case RedditAPIException():
            return f"Reddit declined: {', '.join(codes(error))}"
        case _:
            return f"Reddit's answer was unusable: {type(error).__name__}"


def codes(error: RedditAPIException) -> list[str]:
    """Return Reddit's words for what it declined, such as ``RATELIMIT`` or ``THREAD_LOCKED``."""
    return [str(item.error_type).upper() for item in error.items]


def seconds_in(message: str) -> float | None:
    """Return how long Reddit asks to wait in a sentence; ``None`` when it doesn't.

    >>> seconds_in("You are doing that too much. Try again in 9 minutes.")
    540.0
    """
    found = re.search(r"(\d+)\s*(millisecond|second|minute|hour)", message)
    return float(found[1]) * _UNITS[found[2]] if found else None


def _asked_to_wait(error: BaseException) -> float | None:
    if isinstance(error, prawcore.TooManyRequests):
        try:
            return float(error.retry_after or "")
        except ValueError:
            return None
    if isinstance(error, RedditAPIException):
        waits = [seconds_in(item.message or "") for item in error.items if item.error_type == RATE_LIMITED]
        return next((wait for wait in waits if wait is not None), None)
    return None
