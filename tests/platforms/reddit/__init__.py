"""A loopback Reddit for tests: real state, real HTTP, and faults on order. See `tests.platforms.reddit.server`."""

from tests.platforms.reddit.faults import MATRIX, Fault, Kind
from tests.platforms.reddit.rules import RateLimit
from tests.platforms.reddit.server import RedditDouble

__all__ = ["MATRIX", "Fault", "Kind", "RateLimit", "RedditDouble"]
