from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from inference.problems import OutOfMemory
from inference.worker.batching import Batcher, DeviceFailed, Plane
from inference.worker.metrics import Metrics
from inference.worker.out_of_memory import BatchLimit

WIDE = (32, 64)
TALL = (64, 32)


class Device:
    """Stands for a device: records its batches, can be held up, and has room for so many items at once."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[int, ...]]] = []
        self.open = threading.Event()
        self.open.set()
        self.room = 1000
        self.broken: Exception | None = None

    def forward(self, planes: Sequence[Plane]) -> list[Plane]:
        self.open.wait(10)
        self.batches.append([plane.shape for plane in planes])
        if self.broken is not None:
            raise self.broken
        if len(planes) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return [np.full((2, plane.shape[0] // 4, plane.shape[1] // 4), plane[0, 0], np.float32) for plane in planes]

    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def batcher(device: Device, metrics: Metrics) -> AsyncIterator[Batcher]:
    with ThreadPoolExecutor(1) as thread:
        batcher = Batcher(device.forward, thread, BatchLimit(4), metrics, make_room=lambda: None)
        running = asyncio.create_task(batcher.run())
        yield batcher
        device.open.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def plane(shape: tuple[int, int], value: float = 0) -> Plane:
    return np.full(shape, value, np.float32)


async def waiting(batcher: Batcher, *frames: Sequence[Plane]) -> list[asyncio.Task[object]]:
    tasks: list[asyncio.Task[object]] = [asyncio.create_task(batcher.predict(each)) for each in frames]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def occupied(batcher: Batcher, device: Device) -> asyncio.Task[object]:
    """Hold the device up with one picture of its own shape."""
    device.open.clear()
    (task,) = await waiting(batcher, [plane((32, 32))])
    await asyncio.sleep(0.05)
    return task


async def test_a_lone_photo_goes_at_once(batcher: Batcher, device: Device) -> None:
    predictions = [await asyncio.wait_for(batcher.predict([plane(WIDE, 7)]), 30) for _ in range(5)]
    assert {prediction.ab[0].shape for prediction in predictions} == {(2, 8, 16)}
    assert {prediction.ab[0][0, 0, 0] for prediction in predictions} == {7}
    assert min(prediction.queue_seconds for prediction in predictions) < 0.1  # a busy machine may hold up some
    assert device.sizes() == [1] * 5


async def test_what_arrives_meanwhile_goes_together_by_shape_in_order(batcher: Batcher, device: Device) -> None:
    first = await occupied(batcher, device)
    others = await waiting(batcher, [plane(WIDE)], [plane(TALL)], [plane(WIDE)], [plane(TALL)], [plane(WIDE)])
    device.open.set()
    await asyncio.gather(first, *others)
    assert device.batches[1:] == [[WIDE] * 3, [TALL] * 2]


async def test_what_is_expected_is_waited_for_but_not_without_end(
    batcher: Batcher, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now)
    with batcher.expecting():  # a photo that its decoder gets stuck over
        photos = await waiting(batcher, *[[plane(WIDE)]] * 3)
        now += 0.9
        await asyncio.to_thread(time.sleep, 0.05)
        assert device.sizes() == []
        now += 0.2
        await asyncio.gather(*photos)
    assert device.sizes() == [3]


async def test_batches_are_bounded(batcher: Batcher, device: Device) -> None:
    first = await occupied(batcher, device)
    others = await waiting(batcher, *[[plane(WIDE, value)] for value in range(10)])
    device.open.set()
    await first
    predictions = await asyncio.gather(*others)
    assert device.sizes()[1:] == [4, 4, 2]
    assert [prediction.ab[0][0, 0, 0] for prediction in predictions] == list(range(10))  # type: ignore[attr-defined]


async def test_a_photo_overtakes_the_rest_of_an_animation(batcher: Batcher, device: Device) -> None:
    first = await occupied(batcher, device)
    (animation,) = await waiting(batcher, [plane(WIDE, value) for value in range(40)])
    (photo,) = await waiting(batcher, [plane(TALL)])
    device.open.set()
    await asyncio.gather(first, photo)
    assert not animation.done()
    frames = (await animation).ab  # type: ignore[attr-defined]
    assert [frame[0, 0, 0] for frame in frames] == list(range(40))
    assert [TALL] in device.batches[:3]


async def test_those_whose_request_is_gone_are_dropped(batcher: Batcher, device: Device) -> None:
    first = await occupied(batcher, device)
    gone, kept, also_gone = await waiting(batcher, [plane(WIDE)], [plane(TALL)], [plane(WIDE)] * 3)
    gone.cancel()
    also_gone.cancel()
    device.open.set()
    await asyncio.gather(first, kept)
    await asyncio.sleep(0.05)
    assert device.batches[1:] == [[TALL]]


async def test_out_of_memory_halves_the_batch_and_recovers(batcher: Batcher, device: Device, metrics: Metrics) -> None:
    first = await occupied(batcher, device)
    device.room = 1
    others = await waiting(batcher, *[[plane(WIDE, value)] for value in range(4)])
    device.open.set()
    await first
    predictions = await asyncio.gather(*others)
    assert [prediction.ab[0][0, 0, 0] for prediction in predictions] == list(range(4))  # type: ignore[attr-defined]
    assert device.sizes()[1:] == [4, 2, 1, 1, 2, 1, 1]
    assert b'out_of_memory_total{stage="network"} 3.0' in metrics.render()

    device.room = 1000
    device.batches.clear()
    await asyncio.gather(*(batcher.predict([plane(WIDE)]) for _ in range(80)))
    assert device.sizes()[0] == 1
    assert device.sizes()[-1] > 1
    assert max(device.sizes()) == 4


async def test_a_picture_too_big_alone_is_told_so_and_the_others_live(batcher: Batcher, device: Device) -> None:
    device.room = 0
    with pytest.raises(OutOfMemory):
        await batcher.predict([plane(WIDE)])
    device.room = 1000
    assert (await batcher.predict([plane(WIDE)])).ab


async def test_the_cpu_allocator_running_out_is_recognised(batcher: Batcher, device: Device) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    device.broken = caught.value
    with pytest.raises(OutOfMemory):
        await batcher.predict([plane(WIDE)])


async def test_a_bug_in_the_network_fails_its_batch_only(batcher: Batcher, device: Device) -> None:
    device.broken = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="mat1"):
        await batcher.predict([plane(WIDE)])
    device.broken = None
    assert (await batcher.predict([plane(WIDE)])).ab


async def test_a_device_that_keeps_failing_is_given_up(device: Device, metrics: Metrics) -> None:
    with ThreadPoolExecutor(1) as thread:
        batcher = Batcher(device.forward, thread, BatchLimit(1), metrics, make_room=lambda: None)
        running = asyncio.create_task(batcher.run())
        device.broken = RuntimeError("CUDA error: an illegal memory access was encountered")
        photos = await waiting(batcher, *[[plane(WIDE)] for _ in range(5)])
        with pytest.raises(DeviceFailed, match="3 times in a row"):
            await asyncio.wait_for(running, 30)
        outcomes = await asyncio.wait_for(asyncio.gather(*photos, return_exceptions=True), 30)
        assert [type(outcome) for outcome in outcomes] == [RuntimeError] * 3 + [DeviceFailed] * 2
        with pytest.raises(DeviceFailed):
            await batcher.predict([plane(WIDE)])
