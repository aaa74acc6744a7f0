"""What goes wrong on the way to Discord, as rules that a test sets up or as seeded chance."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.platforms.discord.journal import Call


class Fault(StrEnum):
    """One way in which a call fails."""

    RATE_LIMITED = "429"
    GLOBALLY_RATE_LIMITED = "429 for everything"
    CLOUDFLARE_BAN = "429 as a page of HTML"
    ERROR = "500"
    BAD_GATEWAY = "502 before commit"
    UNAVAILABLE = "503"
    BAD_GATEWAY_AFTER = "502 after commit"
    ERROR_AFTER = "500 after commit"
    DISCONNECT = "disconnect before commit"
    DISCONNECT_AFTER = "disconnect after commit"
    MALFORMED = "malformed answer"
    TRUNCATED = "truncated answer"
    SLOW = "slow answer"

    @property
    def commits(self) -> bool:
        """Whether the call has its effect all the same."""
        return self in _COMMITTING


_COMMITTING = frozenset(
    {
        Fault.BAD_GATEWAY_AFTER,
        Fault.ERROR_AFTER,
        Fault.DISCONNECT_AFTER,
        Fault.MALFORMED,
        Fault.TRUNCATED,
        Fault.SLOW,
    }
)


@dataclass
class Rule:
    """Lets the matching calls fail, a number of times."""

    fault: Fault
    method: str = "*"
    path: str = ".*"
    """A regular expression, searched in the path after ``/api/v10``."""
    times: int = 1
    when: Callable[[Call], bool] = lambda call: True
    seconds: float = 1.0
    """``retry_after`` of a 429, the delay of a slow answer."""
    struck: int = 0

    def strikes(self, call: Call) -> bool:
        return (
            self.struck < self.times
            and self.method in ("*", call.method)
            and re.search(self.path, call.path) is not None
            and self.when(call)
        )


@dataclass
class Chance:
    """Lets any call fail with a probability, the same way for the same seed."""

    seed: int
    probability: float
    faults: tuple[Fault, ...] = tuple(Fault)
    seconds: float = 0.2
    spared: str = r"^$"
    """A regular expression of the paths that never fail."""
    random: random.Random = field(init=False)
    struck: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def pick(self, call: Call) -> Rule | None:
        if self.random.random() >= self.probability or re.search(self.spared, call.path):
            return None
        self.struck += 1
        return Rule(self.random.choice(self.faults), seconds=self.seconds)


class Faults:
    """All that is set up to go wrong."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.chance: Chance | None = None

    def pick(self, call: Call) -> Rule | None:
        for rule in self.rules:
            if rule.strikes(call):
                rule.struck += 1
                return rule
        return self.chance.pick(call) if self.chance else None
