"""How many photos within an hour, reckoned from what the ledger remembers, so that a restart resets nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

WINDOW = timedelta(hours=1)


def wait_for_room(taken: Sequence[tuple[datetime, int]], photos: int, limit: int, now: datetime) -> timedelta:
    """Return how long it takes until ``photos`` more fit in; zero when they fit in now.

    ``taken`` says when how many photos were taken within the last `WINDOW`, oldest first; ``limit`` is how many there
    may be in any window. Raises ``ValueError`` when ``photos`` alone are too many.
    """
    if photos > limit:
        raise ValueError("they never fit in")
    excess = sum(count for _, count in taken) + photos - limit
    wait = timedelta(0)
    for moment, count in taken:
        if excess <= 0:
            break
        excess -= count
        wait = moment + WINDOW - now
    return wait
