"""What is counted of a request's life, and what is seen of what the bot leans on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.heartbeat import watch_ledger, watch_worker
from bot.intake import Declined
from bot.ledger.engine import make_engine, parse_url
from bot.metrics import Metrics
from bot.vocabulary import new_request_id
from tests.bot.stand_ins import House, asking, link


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"colorizebot_{name}", labels) or 0.0


@asynccontextmanager
async def going_on(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(metrics: Metrics, name: str, expected: float) -> None:
    async with asyncio.timeout(60):
        while value(metrics, name) != expected:
            await asyncio.sleep(0.01)


async def test_each_end_of_a_request_is_counted_once_and_refusals_by_their_reason(house: House) -> None:
    metrics = house.parts.metrics
    for photo in ("old", "broken", "fatal"):
        request = await house.upload(photo)
        await house.parts.intake.submit(request)
        await house.pipeline.live(request.id)
    with pytest.raises(Declined):
        await house.parts.intake.submit(asking(request_id=new_request_id(), message_id="empty"))
    assert value(metrics, "requests_taken_total", platform="mail") == 3
    assert value(metrics, "requests_finished_total", platform="mail", outcome="answered") == 1
    assert value(metrics, "requests_finished_total", platform="mail", outcome="refused") == 1
    assert value(metrics, "requests_finished_total", platform="mail", outcome="failed") == 1
    for reason in ("broken_image", "worker_stumbled", "no_pictures"):
        assert value(metrics, "refusals_total", platform="mail", reason=reason) == 1
    assert value(metrics, "answer_seconds_count", platform="mail") == 3
    assert value(metrics, "photos_total", outcome="recolored") == 1
    assert value(metrics, "photos_total", outcome="left_out") == 2


async def test_stages_are_timed_where_they_happen_and_an_earlier_result_is_told_apart(house: House) -> None:
    metrics = house.parts.metrics
    for name in ("first", "second"):
        request = await house.upload("old", message_id=name)
        await house.parts.intake.submit(request)
        await house.pipeline.live(request.id)
    gone = asking(link("http://127.0.0.1:9/gone.jpg"), request_id=new_request_id(), message_id="gone")
    await house.parts.intake.submit(gone)
    await house.pipeline.live(gone.id)
    counts = {
        stage: value(metrics, "stage_seconds_count", platform="mail", stage=stage)
        for stage in ("queue", "fetch", "recolor", "answer")
    }
    assert counts == {"queue": 3, "fetch": 1, "recolor": 2, "answer": 3}
    assert value(metrics, "photos_total", outcome="known") == 1


async def test_waiting_requests_are_seen_beside_how_many_may_wait(house: House) -> None:
    await house.parts.intake.submit(await house.upload("old"))
    assert value(house.parts.metrics, "queue_requests") == 1
    assert value(house.parts.metrics, "queue_limit_requests") == house.parts.settings.limits.queue_size


async def test_the_worker_is_seen_coming_going_and_keeping_silent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = house.parts.metrics
    monkeypatch.setattr("bot.heartbeat._PATIENCE_SECONDS", 0.2)
    async with going_on(watch_worker(house.parts.worker, metrics, pause_seconds=0.01)):
        await until(metrics, "inference_ready", 1)
        house.worker.ready = False
        await until(metrics, "inference_ready", 0)
        house.worker.ready = True
        await until(metrics, "inference_ready", 1)
        await house.worker.stop()
        async with await asyncio.start_unix_server(lambda _reader, _writer: None, house.worker.socket):
            await until(metrics, "inference_ready", 0)


async def test_a_database_that_goes_away_and_comes_back_is_seen(tmp_path: Path) -> None:
    metrics, folder = Metrics(), tmp_path / "database"
    engine = make_engine(parse_url(f"sqlite:///{folder}/ledger.sqlite3"))
    async with going_on(watch_ledger(engine, metrics, pause_seconds=0.01)):
        await asyncio.sleep(0.1)
        assert value(metrics, "ledger_up") == 0
        folder.mkdir()
        await until(metrics, "ledger_up", 1)
    assert 0 < value(metrics, "ledger_ping_seconds") < 5
    await engine.dispose()


def test_platforms_show_zeroes_before_anything_happened() -> None:
    metrics = Metrics()
    metrics.expect(["mail"])
    for name, labels in (
        ("requests_finished_total", {"outcome": "failed"}),
        ("platform_calls_total", {"outcome": "unreachable"}),
        ("refusals_total", {"reason": "worker_away"}),
        ("stage_seconds_count", {"stage": "fetch"}),
    ):
        assert metrics.registry.get_sample_value(f"colorizebot_{name}", {"platform": "mail", **labels}) == 0


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "ok"), (302, "ok"), (404, "refused"), (429, "rate_limited"), (502, "failed"), (None, "unreachable")],
)
def test_calls_are_told_apart_by_what_an_operator_would_do(status: int | None, outcome: str) -> None:
    metrics = Metrics()
    metrics.called("mail", status)
    assert value(metrics, "platform_calls_total", platform="mail", outcome=outcome) == 1
