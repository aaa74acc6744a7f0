"""Spans as OpenTelemetry has them, sent in batches from a thread of their own.

Imported only when traces are wanted: it needs the packages of the extra ``tracing``.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Status, StatusCode, Tracer
from yarl import URL

from bot.tracing import Fact
from bot.version import version
from bot.vocabulary import Request
from inference import request_id

_TRACES_PATH = "/v1/traces"
_EXPORT_SECONDS = 5
_PREFIX = "colorizebot."
_REQUEST_ID = f"{_PREFIX}request_id"


@contextmanager
def open_spans(endpoint: str, *, share: float) -> Iterator[Spans]:
    """Send a ``share`` (0..1) of the traces to the collector at ``endpoint``; the last ones when the context ends."""
    url = URL(endpoint)
    url = url.with_path(_TRACES_PATH) if url.path in ("", "/") else url
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(share)),
        resource=Resource.create({SERVICE_NAME: "colorizebot", SERVICE_VERSION: version()}),
        id_generator=_IdsOfRequests(),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=str(url), timeout=_EXPORT_SECONDS)))
    try:
        yield Spans(provider.get_tracer("colorizebot", version()))
    finally:
        provider.shutdown()


class Spans:
    """Makes a span of each attempt and each stage."""

    def __init__(self, tracer: Tracer) -> None:
        """Make them with ``tracer``."""
        self._tracer = tracer

    @contextmanager
    def attempt(self, request: Request, number: int) -> Iterator[None]:
        """Trace an attempt, with the wait for the first one beside it."""
        facts: dict[str, Fact] = {"platform": request.platform, "attempt": number, "photos": len(request.images)}
        with self._span("request", facts):
            if number == 1:
                asked = int(request.created.timestamp() * 1e9)
                self._tracer.start_span("queue", start_time=asked, attributes=_attributes({})).end()
            yield

    def stage(self, name: str, **facts: Fact) -> AbstractContextManager[None]:
        """Trace a stage."""
        return self._span(name, facts)

    def note(self, **facts: Fact) -> None:
        """Add facts to the span that is open."""
        trace.get_current_span().set_attributes({_PREFIX + name: fact for name, fact in facts.items()})

    @contextmanager
    def _span(self, name: str, facts: dict[str, Fact]) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name, attributes=_attributes(facts), record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                # Its kind alone: what an exception says may hold what people sent.
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise


class _IdsOfRequests(IdGenerator):
    """Derives a trace's id from the request's, so that every attempt, in whatever process, is in the same trace."""

    def generate_trace_id(self) -> int:
        """Return 128 bits."""
        current = request_id.current()
        if current is None:
            return secrets.randbits(128) or 1
        return int.from_bytes(hashlib.sha256(current.encode()).digest()[:16]) or 1

    def generate_span_id(self) -> int:
        """Return 64 bits."""
        return secrets.randbits(64) or 1


def _attributes(facts: dict[str, Fact]) -> dict[str, Fact]:
    attributes = {_PREFIX + name: fact for name, fact in facts.items()}
    if (current := request_id.current()) is not None:
        attributes[_REQUEST_ID] = current
    return attributes
