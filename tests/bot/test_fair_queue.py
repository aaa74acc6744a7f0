"""Turns are taken in rotation, and the position that people are told is the one that comes true."""

import asyncio
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.fair_queue import FairQueue


async def drain(queue: FairQueue) -> list[str]:
    return [request for _, request in [await queue.take() for _ in range(len(queue))]]


async def test_one_person_is_served_in_order() -> None:
    queue = FairQueue(10)
    for photo in "abc":
        queue.put("ann", photo)
    assert await drain(queue) == ["a", "b", "c"]


async def test_fifty_photos_of_one_person_hold_nobody_up() -> None:
    queue = FairQueue(100)
    for photo in range(50):
        queue.put("ann", f"ann-{photo}")
    queue.put("ben", "ben-0")
    queue.put("cleo", "cleo-0")
    assert queue.position("ben-0") == 2
    assert (await drain(queue))[:4] == ["ann-0", "ben-0", "cleo-0", "ann-1"]


async def test_a_full_queue_says_so_but_what_was_let_in_before_may_come_back() -> None:
    queue = FairQueue(2)
    queue.put("ann", "a")
    assert not queue.full
    queue.put("ben", "b")
    assert queue.full
    queue.put("cleo", "c")
    assert len(queue) == 3
    assert await drain(queue) == ["a", "b", "c"]


async def test_the_same_request_is_never_in_line_twice() -> None:
    queue = FairQueue(2)
    queue.put("ann", "a")
    with pytest.raises(ValueError, match="already"):
        queue.put("ann", "a")


async def test_takers_wait_and_each_request_goes_to_one_of_them() -> None:
    queue = FairQueue(10)
    takers = [asyncio.create_task(queue.take()) for _ in range(3)]
    await asyncio.sleep(0)
    takers[0].cancel()
    queue.put("ann", "a")
    queue.put("ann", "b")
    assert {await takers[1], await takers[2]} == {("ann", "a"), ("ann", "b")}
    assert len(queue) == 0


async def test_a_removed_request_is_never_taken() -> None:
    queue = FairQueue(10)
    for photo in "abc":
        queue.put("ann", photo)
    assert queue.remove("b")
    assert not queue.remove("b")
    assert queue.position("b") is None
    assert await drain(queue) == ["a", "c"]


@given(st.lists(st.sampled_from("vwxyz"), max_size=40))
def test_positions_come_true(requesters: list[str]) -> None:
    async def check() -> None:
        queue = FairQueue(100)
        for number, requester in enumerate(requesters):
            queue.put(requester, f"{requester}{number}")
        positions = {f"{name}{number}": queue.position(f"{name}{number}") for number, name in enumerate(requesters)}
        assert positions == {request: turn for turn, request in enumerate(await drain(queue), start=1)}

    asyncio.run(check())


class Room(RuleBasedStateMachine):
    """Puts, takes and removals in any order, against the promise of fairness."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = FairQueue(20)
        self.waiting: dict[str, str] = {}
        self.skipped: dict[str, list[str]] = {}
        self.numbers = count()
        self.loop = asyncio.Runner()

    def teardown(self) -> None:
        self.loop.close()

    @rule(requester=st.sampled_from("vwxyz"))
    def put(self, requester: str) -> None:
        request = f"{requester}{next(self.numbers)}"
        self.queue.put(requester, request)
        self.waiting[request] = requester
        self.skipped.setdefault(requester, [])

    @precondition(lambda self: self.waiting)
    @rule()
    def take(self) -> None:
        requester, request = self.loop.run(self.queue.take())
        assert isinstance(requester, str)
        assert requester == self.waiting.pop(request)
        line = [other for other, name in self.waiting.items() if name == requester]
        assert all(int(request[1:]) < int(other[1:]) for other in line), "first come, first served in a line"
        for other in self.skipped:
            if other != requester:
                self.skipped[other].append(requester)
        self.skipped.pop(requester)
        for name in self.waiting.values():
            turns = self.skipped.setdefault(name, [])
            assert len(turns) == len(set(turns)), f"{name} waited while somebody else had two turns"

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(sorted(self.waiting)))
        assert self.queue.remove(request)
        requester = self.waiting.pop(request)
        if requester not in self.waiting.values():
            self.skipped.pop(requester)

    @invariant()
    def positions_are_those_of_a_line(self) -> None:
        assert sorted(self.queue.position(request) or 0 for request in self.waiting) == list(
            range(1, len(self.waiting) + 1)
        )
        assert len(self.queue) == len(self.waiting)


TestRoom = Room.TestCase
TestRoom.settings = settings(max_examples=40)
