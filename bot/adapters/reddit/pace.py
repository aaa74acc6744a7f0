"""Staying inside Reddit's rate limit, all threads together.

Reddit says with each answer how many requests are left until when
(https://support.reddithelp.com/hc/en-us/articles/16160319875092). While plenty are left, nobody waits, so that a
summons is answered at once; the last tenth is spread evenly over what is left of the period.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from bot.adapters import TryLater

_SCARCE = 0.1
"""The share of a period's requests from where on they are spread."""
_LONGEST_WAIT_SECONDS = 5.0
"""Longer than that no thread stands still: it has others to serve."""
_TOO_MANY_REQUESTS = 429


class Pace:
    """When the next request may be sent."""

    def __init__(self, on_wait: Callable[[float], None] = lambda _seconds: None) -> None:
        """``on_wait`` is told in how many seconds one's turn comes, by whichever thread has to wait for it."""
        self._on_wait = on_wait
        self._lock = threading.Lock()
        self._next = 0.0
        self._gap = 0.0

    def wait(self, stopping: threading.Event) -> None:
        """Wait for one's turn, or until the bot stops. Raises ``TryLater`` when that takes long."""
        with self._lock:
            now = time.monotonic()
            wait = self._next - now
            if wait > 0:
                self._on_wait(wait)
            if wait > _LONGEST_WAIT_SECONDS:
                raise TryLater("Reddit's rate limit is used up", retry_after=wait)
            if self._gap:
                self._next = max(self._next, now) + self._gap
        if wait > 0 and stopping.wait(wait):
            raise TryLater("the bot is stopping")

    def learn(self, status: int, headers: Mapping[str, str]) -> None:
        """Take note of what an answer says about the limit; it may say nothing, or nonsense."""
        remaining, used, reset = (_number(headers, f"x-ratelimit-{name}") for name in ("remaining", "used", "reset"))
        pause = _number(headers, "retry-after") if status == _TOO_MANY_REQUESTS else None
        with self._lock:
            now = time.monotonic()
            if pause is not None:
                self._next = max(self._next, now + pause)
            if remaining is None or reset is None:
                return
            if remaining < 1:
                self._gap = 0.0
                self._next = max(self._next, now + reset)
            elif used is not None and remaining < _SCARCE * (remaining + used):
                self._gap = reset / remaining
                self._next = max(self._next, now + self._gap)
            else:
                self._gap = 0.0


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        number = float(headers[name])
    except (KeyError, ValueError):
        return None
    return number if 0 <= number < float("inf") else None
