"""Many clients at once, clients that find the house full, and clients that leave."""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import cache

import aiohttp
import pytest
from PIL import Image

from tests.inference.conftest import encoded, photograph
from tests.inference.running_worker import RunningWorker, stopped
from tests.inference.worker.raw_http import RawConnection, raw_connection

AT_ONCE_SECONDS = 0.3
ATTEMPTS = 5
"""Of a client that means to leave at once: what it sees when it was held up says nothing of the worker."""


class Counts:
    """A worker's metrics at one moment."""

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    async def of(cls, worker: RunningWorker) -> Counts:
        async with aiohttp.ClientSession(worker.url) as session, session.get("/metrics") as response:
            return cls(await response.text())

    def __getitem__(self, sample: str) -> float:
        match = re.search(rf"^colorizebot_worker_{re.escape(sample)} (\S+)$", self._text, re.MULTILINE)
        return float(match[1]) if match else 0.0

    def stage(self, name: str) -> float:
        return self[f'stage_duration_seconds_count{{stage="{name}"}}']

    @property
    def gone(self) -> float:
        return self['requests_total{outcome="client_gone"}']

    @property
    def in_progress(self) -> float:
        return self["requests_in_progress"]


def has_done(stage: str, photos: float) -> Callable[[Counts], bool]:
    return lambda counts: counts.stage(stage) >= photos


async def wait_until(worker: RunningWorker, condition: Callable[[Counts], bool]) -> Counts:
    async with asyncio.timeout(30):
        while not condition(counts := await Counts.of(worker)):
            await asyncio.sleep(0.005)
    return counts


async def wait_empty(worker: RunningWorker) -> Counts:
    """Wait until no earlier test has left anything behind."""
    return await wait_until(worker, lambda counts: counts.in_progress == 0)


async def wait_since(worker: RunningWorker, condition: Callable[[Counts], bool]) -> float:
    """Wait until the condition holds; return a moment, as of ``time.monotonic``, when it did not yet."""
    before = time.monotonic()
    async with asyncio.timeout(30):
        while True:
            looked = time.monotonic()
            if condition(await Counts.of(worker)):
                return before
            before = looked
            await asyncio.sleep(0.005)


async def hold_a_place(connection: RawConnection, length: int) -> None:
    """Begin an upload and leave it unfinished."""
    await connection.begin(f"Content-Length: {length}")
    await connection.send(b"x")


async def send_photo(connection: RawConnection, photo: bytes, query: str = "") -> None:
    await connection.begin(f"Content-Length: {len(photo)}", path=f"/v1/recolor{query}")
    await connection.send(photo)


@cache
def large_photo() -> bytes:
    """A photo of 35 megapixels that takes its time, in less than 1 MB."""
    return encoded(photograph(7000, 5000, "RGB"), quality=5, progressive=True)


async def test_fifty_clients_at_once_are_all_served(shared_worker: RunningWorker) -> None:
    sizes = [(240 + 8 * number, 400 - 6 * number) for number in range(50)]
    photos = [encoded(photograph(*size)) for size in sizes]

    async def post(photo: bytes) -> tuple[int, int]:
        async with (
            aiohttp.ClientSession(shared_worker.url) as session,
            session.post("/v1/recolor", data=photo) as response,
        ):
            assert response.status == 200
            return Image.open(io.BytesIO(await response.read())).size

    before = await Counts.of(shared_worker)
    began = time.perf_counter()
    assert await asyncio.gather(*map(post, photos)) == sizes
    print("photos_per_second", round(50 / (time.perf_counter() - began), 1))
    after = await Counts.of(shared_worker)
    assert after["batch_items_sum"] - before["batch_items_sum"] == 50
    assert after["batch_items_count"] - before["batch_items_count"] < 50, "nothing was batched"
    assert after.in_progress == 0


async def test_a_full_house_says_when_to_come_back(small_worker: RunningWorker, jpeg: bytes) -> None:
    await wait_empty(small_worker)
    async with AsyncExitStack() as stack:
        holders = [await stack.enter_async_context(raw_connection(small_worker.port)) for _ in range(2)]
        for holder in holders:
            await hold_a_place(holder, len(jpeg))
        await wait_until(small_worker, lambda counts: counts.in_progress == 2)
        async with raw_connection(small_worker.port) as third:
            await third.begin(f"Content-Length: {len(jpeg)}")
            response = await third.response()
        assert response.status == 429
        assert response.problem()["reason"] == "busy"
        assert 1 <= int(response.headers["retry-after"]) <= 120
        holders[0].hang_up()
        await wait_until(small_worker, lambda counts: counts.in_progress == 1)
        async with raw_connection(small_worker.port) as fourth:
            await fourth.begin(f"Content-Length: {len(jpeg)}")
            await fourth.send(jpeg)
            assert (await fourth.response()).status == 200


async def test_a_client_that_leaves_while_uploading_is_dropped(small_worker: RunningWorker) -> None:
    before = await wait_empty(small_worker)
    async with raw_connection(small_worker.port) as connection:
        await hold_a_place(connection, 5000)
        await wait_until(small_worker, lambda counts: counts.in_progress == 1)
        connection.hang_up()
        after = await wait_until(small_worker, lambda counts: counts.in_progress == 0)
    assert after.gone == before.gone + 1
    assert after.stage("receive") == before.stage("receive")


async def test_a_client_that_leaves_while_its_photo_waits_costs_no_work(small_worker: RunningWorker) -> None:
    photo = large_photo()
    for _ in range(ATTEMPTS):
        before = await wait_empty(small_worker)
        async with raw_connection(small_worker.port) as first, raw_connection(small_worker.port) as second:
            for connection in (first, second):
                await send_photo(connection, photo)
            since = await wait_since(small_worker, has_done("wait", before.stage("wait") + 2))
            with stopped(*small_worker.photo_processes()):
                late = time.monotonic() - since
                second.hang_up()
                await wait_until(small_worker, lambda counts: counts.in_progress <= 1)
            assert (await first.response()).status == 200
            after = await wait_empty(small_worker)
        if late < AT_ONCE_SECONDS:
            break
    assert after.gone == before.gone + 1
    assert after.stage("decode") == before.stage("decode") + 1


@pytest.mark.parametrize("stage", ["wait", "decode", "network"])
async def test_a_client_that_leaves_midway_is_dropped(small_worker: RunningWorker, stage: str) -> None:
    """``stage`` is the last that is finished when the client leaves."""
    photo = large_photo()
    for _ in range(ATTEMPTS):
        before = await wait_empty(small_worker)
        async with raw_connection(small_worker.port) as connection:
            await send_photo(connection, photo, "?format=png")  # which takes a second or two to encode
            since = await wait_since(small_worker, has_done(stage, before.stage(stage) + 1))
            connection.hang_up()
            await asyncio.sleep(0)  # when it is done
            late = time.monotonic() - since
            after = await wait_empty(small_worker)
        if late < AT_ONCE_SECONDS:
            break
    assert after.gone == before.gone + 1
    assert after.stage("encode") == before.stage("encode")


async def test_a_worker_that_was_left_serves_the_next(small_worker: RunningWorker, jpeg: bytes) -> None:
    for _ in range(5):
        async with raw_connection(small_worker.port) as connection:
            await send_photo(connection, jpeg)
            connection.hang_up()
    await wait_empty(small_worker)
    async with raw_connection(small_worker.port) as connection:
        await send_photo(connection, jpeg)
        assert (await connection.response()).status == 200
