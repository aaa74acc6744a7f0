"""Where traces go."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, HttpUrl

from bot.setting_types import Section


class TracingSettings(Section):
    """Traces for OpenTelemetry; needs the extra ``tracing``."""

    endpoint: Annotated[
        HttpUrl | None,
        Field(description="OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318; unset = no traces"),
    ] = None
    share: Annotated[float, Field(ge=0, le=1, description="share of the requests that are traced")] = 1.0
