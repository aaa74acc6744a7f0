"""The id by which a request can be followed through every log: the bot's from the summons on, the worker's, and back.

The bot sends it along as ``X-Request-Id``. It holds for what runs within `following`, tasks begun there included.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

REQUEST_ID_HEADER = "X-Request-Id"

_ACCEPTED = re.compile(r"[A-Za-z0-9_-]{1,64}")
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def current() -> str | None:
    """Return the id of the request that is being worked on here; ``None`` when there is none."""
    return _current.get()


@contextmanager
def following(request_id: str) -> Iterator[None]:
    """Say for the duration of the block which request is being worked on."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)


def accepted(header: str | None) -> str:
    """Return the id that a client sent, or a new one when it sent none, or one that doesn't belong in a log."""
    return header if header is not None and _ACCEPTED.fullmatch(header) else secrets.token_urlsafe(16)
