"""Traces: a span for each stage of a request, sent to the collector that COLORIZEBOT_TRACING__ENDPOINT names.

Spans carry the request's id and never what people wrote or sent. A request is one trace, whichever attempts and
processes worked on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from bot.problems import OperatorError
from bot.tracing_settings import TracingSettings
from bot.vocabulary import Request

Fact = str | int | float | bool


class Tracing(Protocol):
    """What the life of a request is told to."""

    def attempt(self, request: Request, number: int) -> AbstractContextManager[None]:
        """Trace an attempt at a request, counted from 1; its stages are traced within."""
        ...

    def stage(self, name: str, **facts: Fact) -> AbstractContextManager[None]:
        """Trace a stage."""
        ...

    def note(self, **facts: Fact) -> None:
        """Add facts to the attempt or stage that is being traced."""
        ...


class NoTracing:
    """Traces nothing."""

    def attempt(self, request: Request, number: int) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def stage(self, name: str, **facts: Fact) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def note(self, **facts: Fact) -> None:
        """Do nothing."""


NO_TRACING = NoTracing()


@contextmanager
def open_tracing(settings: TracingSettings) -> Iterator[Tracing]:
    """Trace for as long as the context lasts; at its end, what wasn't sent yet is.

    Raises ``OperatorError`` when the packages that it needs are not installed.
    """
    if settings.endpoint is None:
        yield NO_TRACING
        return
    try:
        from bot.spans import open_spans
    except ModuleNotFoundError as missing:
        raise OperatorError(
            f"COLORIZEBOT_TRACING__ENDPOINT needs the package {missing.name}; "
            "install the bot with its extra “tracing”, or unset it."
        ) from missing
    with open_spans(str(settings.endpoint), share=settings.share) as spans:
        yield spans
