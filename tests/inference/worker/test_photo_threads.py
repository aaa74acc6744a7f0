from __future__ import annotations

import asyncio
import os
import sys
import threading

import pytest

from inference.worker.photo_threads import PhotoThreads


@pytest.fixture
async def thread() -> PhotoThreads:
    return PhotoThreads(1)


class Work:
    """Work that waits to be let go."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.may_end = threading.Event()

    def __call__(self) -> str:
        self.began.set()
        self.may_end.wait(5)
        return "done"

    async def has_begun(self) -> None:
        assert await asyncio.to_thread(self.began.wait, 5)


async def test_photos_under_way_go_before_new_ones(thread: PhotoThreads) -> None:
    first, order = Work(), list[str]()
    running: list[asyncio.Task[object]] = [asyncio.create_task(thread.run(first, under_way=False))]
    await first.has_begun()
    running.append(asyncio.create_task(thread.run(lambda: order.append("new"), under_way=False)))
    await asyncio.sleep(0)
    running.append(asyncio.create_task(thread.run(lambda: order.append("under way"), under_way=True)))
    await asyncio.sleep(0)
    first.may_end.set()
    await asyncio.gather(*running)
    assert order == ["under way", "new"]


async def test_cancelled_before_it_began_it_never_begins(thread: PhotoThreads) -> None:
    first, second = Work(), Work()
    running = asyncio.create_task(thread.run(first, under_way=False))
    await first.has_begun()
    cancelled = asyncio.create_task(thread.run(second, under_way=False))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    first.may_end.set()
    assert await running == "done"
    assert await thread.run(lambda: "next", under_way=False) == "next"
    assert not second.began.is_set()


async def test_cancelled_midway_it_waits_for_the_thread(thread: PhotoThreads) -> None:
    work = Work()
    running = asyncio.create_task(thread.run(work, under_way=False))
    await work.has_begun()
    running.cancel()
    await asyncio.sleep(0.05)
    assert not running.done()
    work.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await thread.run(lambda: "next", under_way=True) == "next"


async def test_errors_come_out_and_the_thread_comes_free(thread: PhotoThreads) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await thread.run(lambda: 1 // 0, under_way=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows a thread's niceness")
async def test_threads_give_way_when_told_so() -> None:
    own = await PhotoThreads(1).run(niceness, under_way=False)
    assert own == niceness(), "by default they are as important as the others"
    assert await PhotoThreads(1, 3).run(niceness, under_way=False) == own + 3


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
