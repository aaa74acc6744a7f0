"""The settings that say how long the bot remembers."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from bot.setting_types import Days, Section

_LEAST_REQUEST_DAYS = 2.0
"""The limits look back an hour, and who catches up after a while must still know what was answered already."""


class PlatformRetention(Section):
    """How long the bot remembers what was asked on one platform; what is unset is as on the others."""

    result_days: Annotated[
        Days | None, Field(gt=0, description="the same for this platform alone; unset = as everywhere")
    ] = None
    request_days: Annotated[
        Days | None,
        Field(ge=_LEAST_REQUEST_DAYS, description="the same for this platform alone; unset = as everywhere"),
    ] = None


class RetentionSettings(Section):
    """How long the bot remembers; a running bot deletes what is due, bit by bit."""

    result_days: Annotated[
        Days, Field(gt=0, description="days until photos and results are deleted after their answer, or forever")
    ] = math.inf
    request_days: Annotated[
        Days,
        Field(
            ge=_LEAST_REQUEST_DAYS,
            description="days until all else about an answered request is deleted too, at least 2, or forever",
        ),
    ] = math.inf
    web: PlatformRetention = PlatformRetention()
    reddit: PlatformRetention = PlatformRetention()
    discord: PlatformRetention = PlatformRetention()

    def days_of(self, platform: str) -> tuple[float, float]:
        """Return after how many days a platform's results, and its requests, are deleted; ``math.inf`` for never."""
        own = getattr(self, platform, None)
        own = own if isinstance(own, PlatformRetention) else PlatformRetention()
        return (
            self.result_days if own.result_days is None else own.result_days,
            self.request_days if own.request_days is None else own.request_days,
        )
