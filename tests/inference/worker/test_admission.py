from __future__ import annotations

import asyncio

import pytest

from inference.problems import Busy, Draining, NotReady
from inference.worker.admission import Admission, Phase


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def admission(clock: Clock) -> Admission:
    admission = Admission(places=2, max_bytes=100, clock=clock)
    admission.phase = Phase.READY
    return admission


async def test_nobody_comes_in_while_loading_or_draining(admission: Admission) -> None:
    admission.phase = Phase.LOADING
    with pytest.raises(NotReady) as loading, admission.enter():
        pass
    admission.phase = Phase.DRAINING
    with pytest.raises(Draining) as draining, admission.enter():
        pass
    assert loading.value.retry_after
    assert draining.value.retry_after


async def test_a_full_house_refuses_until_someone_leaves(admission: Admission) -> None:
    with admission.enter():
        with admission.enter():
            with pytest.raises(Busy), admission.enter():
                pass
            assert admission.in_house == 2
        with admission.enter():
            pass


async def test_places_come_free_when_the_request_fails(admission: Admission) -> None:
    for _ in range(5):
        with pytest.raises(KeyError), admission.enter():
            raise KeyError
    assert admission.in_house == 0


async def test_retry_after_follows_the_measured_pace(admission: Admission, clock: Clock) -> None:
    for _ in range(10):
        with admission.enter():
            clock.now += 7.0
        clock.now += 3600.0  # idle time says nothing about the pace
    with admission.enter(), admission.enter():
        with pytest.raises(Busy) as busy, admission.enter():
            pass
        assert busy.value.retry_after == 14


async def test_retry_after_is_at_least_a_second(admission: Admission, clock: Clock) -> None:
    for _ in range(10):
        with admission.enter():
            clock.now += 0.001
    with admission.enter(), admission.enter():
        assert admission.retry_after() == 1


async def test_bytes_are_bounded_and_given_back(admission: Admission) -> None:
    with admission.enter() as first:
        first.hold_bytes(60)
        first.hold_bytes(80)
        first.hold_bytes(70)
        with pytest.raises(Busy), admission.enter() as second:
            second.hold_bytes(21)
        with admission.enter() as third:
            third.hold_bytes(20)
    with admission.enter() as fourth:
        fourth.hold_bytes(100)


async def test_waiting_for_an_empty_house(admission: Admission) -> None:
    with admission.enter():
        empty = asyncio.create_task(admission.wait_empty())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not empty.done()
    await asyncio.wait_for(empty, 30)
