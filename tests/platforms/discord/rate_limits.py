"""Buckets that empty and fill up again, and say so in every answer's headers."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass

_MAJOR = re.compile(r"^/(channels|guilds|webhooks)/(\d+)(?:/([^/]+))?")


@dataclass
class _Bucket:
    remaining: int
    resets: float


class RateLimits:
    """So many calls in so many seconds for a route and its major parameter."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._buckets: dict[str, _Bucket] = {}

    def take(self, method: str, described: str, path: str) -> tuple[float, dict[str, str]]:
        """Return how long to wait (0 when there is room) and the headers that say so."""
        name = hashlib.md5(f"{method} {described}".encode()).hexdigest()
        major = _MAJOR.match(path)
        key = f"{name}:{major[0] if major and major[1] == 'webhooks' else major and major[2]}"
        now = time.time()
        bucket = self._buckets.get(key)
        if bucket is None or bucket.resets <= now:
            bucket = self._buckets[key] = _Bucket(self.limit, now + self.seconds)
        wait = 0.0
        if bucket.remaining:
            bucket.remaining -= 1
        else:
            wait = max(0.001, bucket.resets - now)
        return wait, {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(bucket.remaining),
            "X-RateLimit-Reset": f"{bucket.resets:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, bucket.resets - now):.3f}",
            "X-RateLimit-Bucket": name,
        }
