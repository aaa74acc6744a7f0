"""What operators see of Reddit: how calls end, what its limit costs, when the streams were last heard."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import praw
import pytest

from bot.adapters import TryLater
from bot.adapters.reddit import pace as pace_module
from bot.adapters.reddit import reading
from bot.adapters.reddit.pace import Pace
from bot.adapters.reddit.session import sign_in
from bot.adapters.reddit.troubles import TROUBLES
from bot.adapters.reddit.workers import Workers
from inference.request_id import current, following
from tests.bot.adapters.reddit.conftest import open_desk, settings_for
from tests.platforms.reddit import Fault, Kind, RedditDouble


@pytest.mark.parametrize(
    ("kind", "status"),
    [(Kind.BAD_GATEWAY_BEFORE, 502), (Kind.FORBIDDEN, 403), (Kind.DISCONNECT_BEFORE, None), (Kind.TOO_MANY, 429)],
)
def test_the_end_of_every_call_is_told(reddit: RedditDouble, kind: Kind, status: int | None) -> None:
    told: list[int | None] = []
    summons = reddit.comment(reddit.posts.text("pics", "hello"), "colorizebot")
    with sign_in(settings_for(reddit), Pace(), threading.Event(), told.append) as signed_in:
        reading.own_name(signed_in)
        assert told == [200, 200], "the token and the name"
        reddit.faults.order(Fault(kind, "/api/comment", times=10))
        with pytest.raises((*TROUBLES, TryLater)):
            signed_in.comment(summons.id).reply("here")
    assert told[-1] == status


def test_waits_for_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    told: list[float] = []
    pace = Pace(on_wait=told.append)
    pace.wait(threading.Event())
    assert told == []
    pace.learn(429, {"retry-after": "0.2"})
    pace.wait(threading.Event())
    pace.learn(429, {"retry-after": "30"})
    with pytest.raises(TryLater):
        pace.wait(threading.Event())
    assert told == [pytest.approx(0.2), 30]


async def test_streams_are_silent_until_they_are_heard(tmp_path: Path, reddit: RedditDouble) -> None:
    reddit.faults.order(Fault(Kind.SERVER_ERROR, "/r/pics/comments", times=10_000))
    async with open_desk(tmp_path, reddit) as desk:
        registry = desk.parts.metrics.registry

        def heard(stream: str) -> float:
            labels = {"platform": "reddit", "stream": stream}
            return registry.get_sample_value("colorizebot_stream_heartbeat_timestamp_seconds", labels) or 0.0

        began = time.time()
        listening = asyncio.create_task(desk.adapter.run(desk.parts.intake, lambda _: None))
        async with asyncio.timeout(60):
            while not heard("comments"):
                await asyncio.sleep(0.01)
            expected = heard("comments")
            while heard("inbox") < expected + 0.5:
                await asyncio.sleep(0.02)
            failed = {"platform": "reddit", "outcome": "failed"}
            while not registry.get_sample_value("colorizebot_platform_calls_total", failed):
                await asyncio.sleep(0.02)
        assert began <= expected == heard("comments"), "the comments were expected, and never heard"
        listening.cancel()
        await asyncio.wait([listening])


async def test_what_threads_log_belongs_to_the_request(reddit: RedditDouble, caplog: pytest.LogCaptureFixture) -> None:
    workers = Workers("test", 1, lambda stopping: sign_in(settings_for(reddit), Pace(), stopping))

    def told(_reddit: praw.Reddit) -> str | None:
        return current()

    with caplog.at_level(logging.INFO), following("abc"):
        assert await workers.call(told) == "abc"
    assert await workers.call(told) is None
    workers.close()
