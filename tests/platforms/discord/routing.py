"""How an endpoint is written: a function of the call and the parts of its path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.platforms.discord.journal import Call

Answer = tuple[int, Any]
"""A status and a JSON document; ``None`` is no body."""
Handler = Callable[..., Answer]


@dataclass(frozen=True)
class Route:
    """Where an endpoint is; parts in braces are given to the handler as words."""

    method: str
    path: str
    handler: Handler
    by_token: bool = False
    """Whether a token in the path is enough, without the bot's own."""


class Router:
    """Finds the endpoint of a call."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [
            (route, re.compile(re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(route.path)) + "$")) for route in routes
        ]

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
        for route, pattern in self._routes:
            match = pattern.match(path)
            if match and route.method == method:
                return route, match.groups()
        return None


def whole_body(call: Call) -> dict[str, Any]:
    """Return the body where an object is expected."""
    return call.body if isinstance(call.body, dict) else {}
