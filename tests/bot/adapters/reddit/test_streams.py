from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters import TryLater
from bot.adapters.reddit import inbox
from bot.adapters.reddit.streams import Memory, Sweeper, follow, in_turns
from bot.adapters.reddit.things import Comment, Page

PAGE = 10


def comment(number: int, *, age: timedelta = timedelta(0)) -> Comment:
    return Comment(
        fullname=f"t1_{number}",
        author="ann",
        body=str(number),
        created=datetime.now(UTC) - age,
        parent="t3_p",
        submission="t3_p",
        subreddit="pics",
        permalink="/r/pics/comments/p/title/a/",
    )


class Listing:
    """A listing as Reddit shows it: pages of ten, the newest first."""

    def __init__(self, *numbers: int) -> None:
        self.comments = [comment(number) for number in numbers]
        self.reads = 0
        self.failing: set[int] = set()
        """Pages that fail, counted from 0."""
        self.heard: list[str] = []
        self.busy: set[str] = set()
        self.sweeper = Sweeper("test", self.read, self.consider, reach_back=timedelta(hours=24))

    def add(self, *numbers: int) -> None:
        for number in numbers:
            self.comments.insert(0, comment(number))

    async def read(self, after: str | None) -> Page:
        self.reads += 1
        names = [item.fullname for item in self.comments]
        start = names.index(after) + 1 if after else 0
        if start // PAGE in self.failing:
            raise TryLater("a page fails")
        shown = tuple(self.comments[start : start + PAGE])
        more = start + PAGE < len(self.comments)
        return Page(shown, shown[-1].fullname if more else None)

    async def consider(self, item: object) -> bool:
        assert isinstance(item, Comment)
        self.heard.append(item.body)
        return item.body not in self.busy

    async def sweep(self) -> list[str]:
        self.heard, self.reads = [], 0
        await self.sweeper.sweep()
        return self.heard


async def test_everything_is_heard_once_the_oldest_first():
    listing = Listing(*range(35, 0, -1))
    assert await listing.sweep() == [str(number) for number in range(1, 36)]
    assert await listing.sweep() == []
    assert listing.reads == 1
    listing.add(36, 37)
    assert await listing.sweep() == ["36", "37"]
    assert listing.reads == 1


async def test_more_than_a_page_at_once():
    listing = Listing(1)
    await listing.sweep()
    listing.add(*range(2, 60))
    assert await listing.sweep() == [str(number) for number in range(2, 60)]


async def test_a_page_that_fails_keeps_nothing_back_and_hides_nothing():
    listing = Listing(1)
    await listing.sweep()
    listing.add(*range(2, 40))
    listing.failing = {2}
    with pytest.raises(TryLater):
        await listing.sweep()
    assert listing.heard == [str(number) for number in range(20, 40)]
    with pytest.raises(TryLater):
        await listing.sweep()
    assert listing.heard == []
    listing.failing = set()
    assert await listing.sweep() == [str(number) for number in range(2, 20)]
    listing.add(40)
    assert await listing.sweep() == ["40"]
    assert listing.reads == 1


async def test_out_of_order_and_repeated_listings():
    listing = Listing(*range(10, 0, -1))
    await listing.sweep()
    listing.add(11, 12)
    listing.comments[0], listing.comments[6] = listing.comments[6], listing.comments[0]
    listing.comments.insert(3, listing.comments[3])
    assert sorted(await listing.sweep()) == ["11", "12"]
    assert await listing.sweep() == []


async def test_a_listing_that_never_ends():
    listing = Listing(*range(10, 0, -1))
    first = listing.read

    async def again(_after: str | None) -> Page:
        return replace(await first(None), after="t1_1")

    sweeper = Sweeper("test", again, listing.consider, reach_back=timedelta(hours=24))
    await asyncio.wait_for(sweeper.sweep(), 60)
    assert len(listing.heard) == 10


async def test_what_is_older_than_the_bot_reaches_back_is_left_alone():
    listing = Listing(3, 2, 1)
    listing.comments[2] = comment(1, age=timedelta(hours=25))
    assert await listing.sweep() == ["2", "3"]


async def test_what_shows_up_later_is_new_however_old_it_says_it_is():
    listing = Listing(1)
    await listing.sweep()
    listing.comments.insert(0, comment(2, age=timedelta(days=400)))
    assert await listing.sweep() == ["2"]


async def test_what_could_not_be_noted_is_heard_again():
    listing = Listing(3, 2, 1)
    calls = 0

    async def database_down(item: object) -> bool:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise TryLater("the database is down")
        return await listing.consider(item)

    sweeper = Sweeper("test", listing.read, database_down, reach_back=timedelta(hours=24))
    with pytest.raises(TryLater):
        await sweeper.sweep()
    await sweeper.sweep()
    assert listing.heard == ["1", "2", "3"]


async def test_what_is_in_hand_is_asked_after_until_it_is_done():
    listing = Listing(2, 1)
    listing.busy = {"1"}
    assert await listing.sweep() == ["1", "2"]
    assert await listing.sweep() == ["1"]
    listing.busy = set()
    assert await listing.sweep() == ["1"]
    assert await listing.sweep() == []


async def test_following_goes_on_after_troubles_with_longer_pauses(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    pauses: list[float] = []

    async def look() -> None:
        if len(pauses) < 3:
            raise TryLater("Reddit is away")

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 4:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", pause)
    with caplog.at_level(logging.INFO), pytest.raises(asyncio.CancelledError):
        await follow("the comments", look, pause_seconds=0.05)
    assert pauses == [0.05, 0.1, 0.2, 0.05]
    assert len([line for line in caplog.messages if "can't read" in line]) == 3
    assert "reddit: the comments can be read again" in caplog.messages


async def test_being_cancelled_wins_over_a_trouble_that_comes_of_it():
    begun = asyncio.Event()

    async def look() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise TryLater("the connection was torn down") from None

    following = asyncio.create_task(follow("the comments", look, pause_seconds=0.01))
    await begun.wait()
    following.cancel()
    await asyncio.wait([following], timeout=60)
    assert following.cancelled()


def test_people_take_turns():
    items = [replace(comment(number), author=author) for number, author in enumerate("aaabbc")]
    assert [item.body for item in in_turns(items)] == ["0", "3", "5", "1", "4", "2"]


def test_memory_is_bounded_and_keeps_the_latest():
    memory = Memory(3)
    memory.add(["a", "b", "c"])
    memory.add(["a", "d"])
    assert [name for name in "abcd" if name in memory] == ["a", "c", "d"]


async def test_an_inbox_that_was_not_there_for_a_moment_is_heard_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inbox, "_MISSING_SECONDS", 0.0)
    there, heard = False, []

    class Desk:
        async def call(self, function: object, *arguments: object) -> Page | None:
            return Page((comment(1),), None) if there else None

    async def consider(item: object) -> bool:
        heard.append(item)
        return True

    post = inbox.Inbox(Desk(), consider, reach_back=timedelta(hours=1))  # type: ignore[arg-type]
    with pytest.raises(TryLater, match="no inbox"):
        await post.look()
    there = True
    await post.look()
    assert heard
