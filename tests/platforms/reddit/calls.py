"""What was asked of the loopback Reddit, and what it says: requests and answers without any HTTP server around them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.platforms.reddit.rendering import recorded

JSON = "application/json; charset=UTF-8"


@dataclass
class Call:
    """One request, as it is kept in the journal."""

    site: str
    """``www``, ``oauth``, ``upload`` (Reddit's bucket) or ``pictures``."""
    method: str
    path: str
    """Without the trailing slash and ``.json``, both of which Reddit ignores."""
    query: dict[str, str]
    form: dict[str, str]
    """The form's fields; of a JSON body its text in ``json``."""
    user_agent: str
    authorization: str
    file: bytes | None = None
    """An uploaded file."""
    at: float = field(default_factory=time.monotonic)
    threads: frozenset[str] = frozenset()
    """Fullnames of the posts that it is about, as far as it names anything of theirs."""
    fault: str | None = None
    status: int | None = None
    """What was answered; ``None`` when nothing was."""
    has_hung_up: Callable[[], bool] = field(default=lambda: False, repr=False, compare=False)
    """Whether the caller waits for no answer any more."""

    def __str__(self) -> str:
        return f"{self.method} {self.site}:{self.path} {self.query or ''} -> {self.fault or self.status}"


@dataclass
class Answer:
    """What Reddit says to a call."""

    body: bytes = b"{}"
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def said(data: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(data).encode(), status)


def errors(*items: tuple[str, str, str]) -> Answer:
    """Say what is wrong the way most of the API does: status 200 and a list of code, sentence and field."""
    return said({"json": {"errors": [list(item) for item in items]}})


class Rejected(Exception):  # noqa: N818 - says what happened
    """A call that Reddit refuses by its status."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def unauthorized() -> Rejected:
    return Rejected(said(recorded("unauthorized_401"), 401))


def forbidden(reason: str | None = None) -> Rejected:
    why = {"reason": reason} if reason else {}
    return Rejected(said({**recorded("forbidden_403"), **why}, 403))


def not_found(reason: str | None = None) -> Rejected:
    why = {"reason": reason} if reason else {}
    return Rejected(said({"message": "Not Found", "error": 404, **why}, 404))


def bad_request() -> Rejected:
    return Rejected(said({"message": "Bad Request", "error": 400}, 400))
