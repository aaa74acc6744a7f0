"""Discord's ids: milliseconds since 2015 in the upper bits, a counter in the lower ones."""

from __future__ import annotations

import time
from datetime import UTC, datetime

EPOCH_MILLISECONDS = 1_420_070_400_000


class Snowflakes:
    """Makes ids that grow strictly, as messages in a channel are ordered by their ids."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> int:
        self._last = max(self._last + 1, (int(time.time() * 1000) - EPOCH_MILLISECONDS) << 22)
        return self._last


def moment_of(snowflake: int) -> datetime:
    return datetime.fromtimestamp(((snowflake >> 22) + EPOCH_MILLISECONDS) / 1000, UTC)
