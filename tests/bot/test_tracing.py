"""Traces as a collector gets them: a real OTLP receiver on a real socket."""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from bot.adapters import TryLater
from bot.assembly import make_pipeline
from bot.fetching import Fetcher
from bot.pipeline import Pipeline
from bot.problems import OperatorError
from bot.settings import FetchSettings
from bot.tracing import NO_TRACING, Tracing, open_tracing
from bot.tracing_settings import TracingSettings
from bot.vocabulary import Request, new_request_id
from tests.bot.stand_ins import House, asking, link

SECRET_LINK = "http://127.0.0.1:9/grandma-at-the-sea.jpg?signature=s3cr3t"


class Collector:
    """Keeps the spans that it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.paths: set[str] = set()
        self.raw = b""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.paths.add(self.path)
                collector.raw += body
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans += scope.spans
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    receiving = Collector()
    thread = threading.Thread(target=receiving.server.serve_forever)
    thread.start()
    yield receiving
    receiving.server.shutdown()
    thread.join()
    receiving.server.server_close()


def facts(span: Span) -> dict[str, object]:
    return {
        each.key.removeprefix("colorizebot."): getattr(each.value, str(each.value.WhichOneof("value")))
        for each in span.attributes
    }


def settings(collector: Collector, **more: Any) -> TracingSettings:
    return TracingSettings.model_validate({"endpoint": collector.url, **more})


def pipeline_of(house: House, fetcher: Fetcher, tracing: Tracing) -> Pipeline:
    parts = dataclasses.replace(house.parts, tracing=tracing)
    return make_pipeline(parts, fetcher, {house.mailbox.name: house.mailbox})


async def live(house: House, tracing: Tracing, *requests: Request) -> None:
    async with Fetcher(FetchSettings()) as fetcher:
        pipeline = pipeline_of(house, fetcher, tracing)
        for request in requests:
            await house.parts.intake.submit(request)
            await pipeline.live(request.id)


async def test_a_request_is_one_trace_of_its_stages_under_its_id(house: House, collector: Collector) -> None:
    request = await house.upload("old")
    with open_tracing(settings(collector)) as tracing:
        await live(house, tracing, request)
    assert collector.paths == {"/v1/traces"}
    [root] = collector.named("request")
    assert facts(root) == {
        "request_id": request.id,
        "platform": "mail",
        "attempt": 1,
        "photos": 1,
        "outcome": "answered",
    }
    for name in ("queue", "recolor", "answer"):
        [span] = collector.named(name)
        assert span.parent_span_id == root.span_id
        assert span.trace_id == root.trace_id
        assert facts(span)["request_id"] == request.id
    [recolor], [answer] = collector.named("recolor"), collector.named("answer")
    assert root.start_time_unix_nano <= recolor.start_time_unix_nano < recolor.end_time_unix_nano
    assert recolor.end_time_unix_nano <= answer.start_time_unix_nano
    [queue] = collector.named("queue")
    assert queue.start_time_unix_nano == pytest.approx(request.created.timestamp() * 1e9, abs=1e6)


async def test_a_failed_stage_says_its_kind_and_nothing_of_what_people_sent(house: House, collector: Collector) -> None:
    request = asking(link(SECRET_LINK), request_id=new_request_id(), message_id="m")
    with open_tracing(settings(collector)) as tracing:
        await live(house, tracing, request)
    [fetch] = collector.named("fetch")
    assert (fetch.status.code, fetch.status.message) == (Status.STATUS_CODE_ERROR, "FetchRefused")
    assert facts(collector.named("request")[0])["outcome"] != "answered"
    for content in (b"grandma", b"s3cr3t", b"127.0.0.1:9"):
        assert content not in collector.raw


async def test_another_attempt_is_in_the_same_trace(house: House, collector: Collector) -> None:
    house.mailbox.failures.append(TryLater("full"))
    request = await house.upload("old")
    await house.parts.intake.submit(request)
    async with Fetcher(FetchSettings()) as fetcher:
        for _ in range(2):  # as after a restart
            with open_tracing(settings(collector)) as tracing:
                try:
                    await pipeline_of(house, fetcher, tracing).live(request.id)
                except TryLater:
                    continue
    first, second = collector.named("request")
    assert first.trace_id == second.trace_id
    assert [facts(span)["attempt"] for span in (first, second)] == [1, 2]
    assert len(collector.named("queue")) == 1


async def test_a_share_of_nothing_sends_nothing(house: House, collector: Collector) -> None:
    with open_tracing(settings(collector, share=0)) as tracing:
        await live(house, tracing, await house.upload("old"))
    assert collector.paths == set()


async def test_a_collector_that_is_away_holds_nobody_up(house: House) -> None:
    request = await house.upload("old")
    with open_tracing(TracingSettings.model_validate({"endpoint": "http://127.0.0.1:9"})) as tracing:
        await live(house, tracing, request)
        assert request.message_id in house.mailbox.answers


def test_without_an_endpoint_nothing_is_traced_or_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bot.spans", None)
    with open_tracing(TracingSettings()) as tracing:
        assert tracing is NO_TRACING


def test_missing_packages_are_named_beside_the_setting(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.delitem(sys.modules, "bot.spans", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with (
        pytest.raises(OperatorError, match=r"COLORIZEBOT_TRACING__ENDPOINT needs the package opentelemetry"),
        open_tracing(settings(collector)),
    ):
        pass
