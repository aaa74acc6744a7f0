"""What goes wrong between a program and Reddit, on order or by (seeded) chance."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.platforms.reddit.calls import Call


class Kind(StrEnum):
    """Ways to fail. Those ``after`` happen when Reddit has done what it was asked for."""

    TOO_MANY = "429 with headers"
    TOO_MANY_BARE = "429 without headers"
    SERVER_ERROR = "500"
    BAD_GATEWAY_BEFORE = "502 before"
    BAD_GATEWAY_AFTER = "502 after"
    DISCONNECT_BEFORE = "disconnect before"
    DISCONNECT_AFTER = "disconnect after"
    MALFORMED = "malformed after"
    HTML = "html error page before"
    TRUNCATED = "truncated after"
    SLOW = "slow after"
    UNAUTHORIZED = "401"
    RATELIMIT = "RATELIMIT in json"
    FORBIDDEN = "403"
    REPEATED = "repeated listing"
    SHUFFLED = "shuffled listing"

    @property
    def after(self) -> bool:
        """Whether the call is carried out."""
        return self in _AFTER


_AFTER = {
    Kind.BAD_GATEWAY_AFTER,
    Kind.DISCONNECT_AFTER,
    Kind.MALFORMED,
    Kind.TRUNCATED,
    Kind.SLOW,
    Kind.REPEATED,
    Kind.SHUFFLED,
}

MATRIX = (
    Kind.TOO_MANY,
    Kind.SERVER_ERROR,
    Kind.BAD_GATEWAY_AFTER,
    Kind.DISCONNECT_AFTER,
    Kind.MALFORMED,
    Kind.TRUNCATED,
    Kind.SLOW,
)
"""The kinds that every call has to survive."""

WILD = (*MATRIX, Kind.TOO_MANY_BARE, Kind.BAD_GATEWAY_BEFORE, Kind.DISCONNECT_BEFORE, Kind.HTML, Kind.UNAUTHORIZED)


@dataclass
class Fault:
    """An order: which calls fail, how, and how often."""

    kind: Kind
    path: str
    """A regular expression, searched for in ``site:path``."""
    method: str | None = None
    thread: str | None = None
    """Fullname of a post; only calls about it fail."""
    when: Callable[[Call], bool] | None = None
    times: int = 1
    seconds: float = 2.0
    """How slow, or for how long to wait."""
    hits: list[Call] = field(default_factory=list)
    """The calls that it hit."""

    def meets(self, call: Call) -> bool:
        return (
            len(self.hits) < self.times
            and (self.method is None or self.method == call.method)
            and (self.thread is None or self.thread in call.threads)
            and bool(re.search(self.path, f"{call.site}:{call.path}"))
            and (self.when is None or self.when(call))
        )


class Faults:
    """The orders given so far, and chance."""

    def __init__(self) -> None:
        self.orders: list[Fault] = []
        self._lock = threading.Lock()
        self._random = random.Random(0)
        self._share = 0.0
        self._kinds: Sequence[Kind] = WILD
        self._sites: frozenset[str] = frozenset()
        self.by_chance: list[tuple[Kind, Call]] = []

    def order(self, fault: Fault) -> Fault:
        with self._lock:
            self.orders.append(fault)
        return fault

    def at_random(
        self, seed: int, share: float, kinds: Sequence[Kind] = WILD, sites: Sequence[str] = ("www", "oauth", "upload")
    ) -> None:
        """Let that share of all calls fail from now on; 0 ends it."""
        with self._lock:
            self._random, self._share, self._kinds, self._sites = random.Random(seed), share, kinds, frozenset(sites)

    def strike(self, call: Call) -> Fault | None:
        """Return what is to go wrong with this call."""
        with self._lock:
            for fault in self.orders:
                if fault.meets(call):
                    fault.hits.append(call)
                    call.fault = fault.kind
                    return fault
            if call.site in self._sites and self._random.random() < self._share:
                kind = self._random.choice(self._kinds)
                self.by_chance.append((kind, call))
                call.fault = kind
                return Fault(kind, "", seconds=self._random.uniform(0.2, 3))
        return None
