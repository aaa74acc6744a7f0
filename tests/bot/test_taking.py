"""The door for chats: whatever is asked there is noted down, and what speaks against it becomes its answer."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.settings import LimitSettings, Settings
from bot.vocabulary import Entry, Refusal, State, new_request_id
from inference.vocabulary import RecolorOptions
from tests.bot.stand_ins import House, asking, open_house

TIGHT = Settings(limits=LimitSettings(queue_size=4, max_pictures=2, requester_per_hour=2, community_per_hour=100))
BUSY_THREAD = Refusal("busy_thread", "I said enough in this thread; please ask me in another one.")


@pytest.fixture
async def tight_house(tmp_path: Path, database_url: str) -> AsyncIterator[House]:
    async with open_house(tmp_path, TIGHT, database_url=database_url) as house:
        yield house


async def take(house: House, message_id: str, requester: str = "ann", **how: object) -> Entry:
    request = asking(request_id=new_request_id(), message_id=message_id, requester=requester)
    return await house.parts.intake.take(request, **how)  # type: ignore[arg-type]


async def deliver_all(house: House) -> dict[str, object]:
    while len(house.parts.queue):
        _, request_id = await house.parts.queue.take()
        await house.pipeline.live(request_id)
    return {message: getattr(outcome, "reason", "answered") for message, outcome in house.mailbox.answers.items()}


async def test_a_request_without_photos_is_taken_they_are_located_later(tight_house: House) -> None:
    entry = await take(tight_house, "m1")
    assert entry.state is State.QUEUED
    assert tight_house.parts.queue.position(entry.request.id) == 1


async def test_a_message_seen_again_is_the_first_request(tight_house: House) -> None:
    first = await take(tight_house, "m1")
    assert (await take(tight_house, "m1")).request == first.request
    assert len(tight_house.parts.queue) == 1


async def test_who_asks_too_much_is_told_once_and_then_left_unanswered(tight_house: House) -> None:
    for message in ("m1", "m2"):
        await take(tight_house, message)
    told = await take(tight_house, "m3")
    silent = await take(tight_house, "m4")
    assert isinstance(told.outcome, Refusal)
    assert told.outcome.reason == "too_many_requests"
    assert (told.state, silent.state) == (State.QUEUED, State.REFUSED)
    for _ in range(2):
        _, request_id = await tight_house.parts.queue.take()  # those that are no refusals
        await tight_house.parts.intake.withdraw(request_id)
    assert await deliver_all(tight_house) == {"m3": "too_many_requests"}


async def test_refusals_do_not_count_against_the_limit(tight_house: House) -> None:
    for message in ("m1", "m2", "m3", "m4"):
        await take(tight_house, message)
    entries = await tight_house.parts.ledger.taken_from_requester("mail", "ann", since=_long_ago())
    assert sum(photos for _, photos in entries) == 2


async def test_whoever_waits_for_a_word_gets_it_every_time(tight_house: House) -> None:
    for message in ("m1", "m2"):
        await take(tight_house, message, refusal=BUSY_THREAD, always_tell=True)
    assert await deliver_all(tight_house) == {"m1": "busy_thread", "m2": "busy_thread"}


async def test_a_full_queue_refuses_in_public_and_each_person_once(tight_house: House) -> None:
    for person in ("ann", "ben", "cleo", "eve"):
        await take(tight_house, f"of {person}", person)
    assert (await take(tight_house, "m1", "dora")).outcome == Refusal(
        "queue_full", "Many photos are waiting for me right now; please try again in a few minutes."
    )
    assert (await take(tight_house, "m2", "dora")).state is State.REFUSED


async def test_what_is_asked_while_the_bot_stops_is_noted_for_the_next_start(tight_house: House) -> None:
    tight_house.parts.intake.close()
    entry = await take(tight_house, "m1")
    assert entry.state is State.QUEUED
    assert len(tight_house.parts.queue) == 0
    assert [waiting.request.id for waiting in await tight_house.parts.ledger.unfinished()] == [entry.request.id]


async def test_a_request_for_the_same_photos_again_is_a_message_of_its_own(house: House) -> None:
    first = await house.upload("photo")
    entry = await house.parts.intake.submit(first)
    again = await house.parts.intake.copied(
        entry, RecolorOptions(vividness=1.4), requester="ben", message_id="button", context={"token": "t"}
    )
    taken = await house.parts.intake.take(again)
    assert (taken.request.message_id, taken.request.requester) == ("button", "ben")
    assert taken.request.context == {"token": "t"}
    assert await house.parts.storage.read(taken.request.id, "input-0") == b"photo"
    assert (await house.parts.intake.take(again)).request == taken.request


def _long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=2)
