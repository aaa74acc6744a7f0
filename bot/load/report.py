"""What a load test found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bot.ledger.statistics import percentile

SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(slots=True)
class Report:
    """Counted while it goes on."""

    clients: int
    seconds: float = 0.0
    """From the first photo sent to the last result fetched."""
    accepted: int = 0
    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Requests that were taken, and then refused, by reason."""
    declined: Counter[str] = field(default_factory=Counter)
    """Requests that were not taken (429 or 503, to be sent later), by reason."""
    errors: Counter[str] = field(default_factory=Counter)
    """What should not happen at all, by what it was."""
    lost: list[str] = field(default_factory=list)
    """Ids of requests that were taken and never came to an end."""
    left_behind: list[str] = field(default_factory=list)
    """Ids of requests that could not be deleted again."""
    taking_seconds: list[float] = field(default_factory=list)
    """From sending a photo until it was taken."""
    answer_seconds: list[float] = field(default_factory=list)
    """From sending a photo until its answer was there."""
    fetch_seconds: list[float] = field(default_factory=list)
    """From the answer until its results were here."""
    bytes_sent: int = 0
    bytes_fetched: int = 0

    @property
    def sound(self) -> bool:
        """Whether everything that was taken was answered or refused, and nothing went wrong."""
        return self.answered > 0 and not (self.lost or self.errors or self.left_behind)

    @property
    def per_second(self) -> float:
        """Answered requests in a second."""
        return self.answered / self.seconds if self.seconds else 0.0

    def waits(self) -> dict[str, list[float]]:
        """Return the waits, each in ascending order, by what was waited for."""
        waits = {"taking": self.taking_seconds, "answer": self.answer_seconds, "fetch": self.fetch_seconds}
        return {name: sorted(seconds) for name, seconds in waits.items()}

    def to_json(self) -> dict[str, Any]:
        """Return everything, with the waits as percentiles in seconds."""
        return {
            "clients": self.clients,
            "seconds": round(self.seconds, 3),
            "accepted": self.accepted,
            "answered": self.answered,
            "answered_per_second": round(self.per_second, 3),
            "refused": dict(self.refused),
            "declined": dict(self.declined),
            "errors": dict(self.errors),
            "lost": self.lost,
            "left_behind": self.left_behind,
            "bytes_sent": self.bytes_sent,
            "bytes_fetched": self.bytes_fetched,
            **{
                f"{name}_seconds": {share_name: percentile(waits, share) for share_name, share in SHARES.items()}
                for name, waits in self.waits().items()
            },
        }
