"""The door: who is let in, who is turned away and told why, and what is on the disk by then."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.intake import Declined
from bot.settings import LimitSettings, Settings
from bot.vocabulary import ImageKind, ImageReference, State, new_request_id
from inference.vocabulary import RecolorOptions
from tests.bot.stand_ins import House, asking, link, open_house

TIGHT = Settings(limits=LimitSettings(queue_size=4, max_pictures=2, requester_per_hour=4, community_per_hour=5))


@pytest.fixture
async def tight_house(tmp_path: Path, database_url: str) -> AsyncIterator[House]:
    async with open_house(tmp_path, TIGHT, database_url=database_url) as house:
        yield house


async def submit(
    house: House, photos: int = 1, *, requester: str = "ann", community: str | None = None, age: timedelta | None = None
) -> str:
    request_id = new_request_id()
    images = [link("https://example.org/photo.jpg")] * photos
    request = asking(*images, request_id=request_id, message_id=request_id, requester=requester, community=community)
    entry = await house.parts.intake.submit(replace(request, created=datetime.now(UTC) - (age or timedelta(0))))
    return entry.request.id


async def declined(house: House, photos: int = 1, *, requester: str = "ann", community: str | None = None) -> Declined:
    with pytest.raises(Declined) as caught:
        await submit(house, photos, requester=requester, community=community)
    return caught.value


async def test_a_request_that_was_taken_is_in_the_ledger_and_in_the_queue(house: House) -> None:
    request = await house.upload("photo")
    entry = await house.parts.intake.submit(request)
    assert entry.request == request
    assert entry.state is State.QUEUED
    assert [waiting.request for waiting in await house.parts.ledger.unfinished()] == [request]
    assert house.parts.queue.position(request.id) == 1


async def test_a_message_seen_again_is_no_second_request_and_leaves_no_photo(house: House, tmp_path: Path) -> None:
    first = await house.upload("photo", message_id="m1")
    again = await house.upload("photo", message_id="m1")
    await house.parts.intake.submit(first)
    assert (await house.parts.intake.submit(again)).request.id == first.id
    assert len(house.parts.queue) == 1
    assert [folder.name for folder in (tmp_path / "requests").iterdir()] == [first.id]


async def test_a_message_seen_again_is_known_even_when_the_bot_is_full(tight_house: House) -> None:
    first = await tight_house.upload("photo", message_id="m1")
    await tight_house.parts.intake.submit(first)
    for person in ("ben", "cleo", "dora"):
        await submit(tight_house, requester=person)
    assert (await tight_house.parts.intake.submit(first)).request == first


async def test_without_a_photo_there_is_nothing_to_do(tight_house: House) -> None:
    refusal = await declined(tight_house, photos=0)
    assert (refusal.refusal.reason, refusal.retry_after) == ("no_pictures", None)


async def test_too_many_photos_at_once_are_declined_with_the_number(tight_house: House) -> None:
    refusal = await declined(tight_house, photos=3)
    assert refusal.refusal.reason == "too_many_pictures"
    assert "at most 2" in refusal.refusal.message


async def test_a_full_queue_declines_and_keeps_no_photo(tight_house: House, tmp_path: Path) -> None:
    for person in ("ann", "ben", "cleo", "dora"):
        await submit(tight_house, requester=person)
    request = await tight_house.upload("photo", requester="emil")
    with pytest.raises(Declined) as caught:
        await tight_house.parts.intake.submit(request)
    assert caught.value.refusal.reason == "queue_full"
    assert caught.value.retry_after
    assert list((tmp_path / "requests").iterdir()) == []
    assert await tight_house.parts.ledger.by_id(request.id) is None


async def test_one_person_may_send_so_many_photos_an_hour(tight_house: House) -> None:
    await submit(tight_house, 2, age=timedelta(minutes=61))
    await submit(tight_house, 2, age=timedelta(minutes=50))
    await submit(tight_house, 1)
    refusal = await declined(tight_house, 2)
    assert refusal.refusal.reason == "too_many_requests"
    assert "in 10 minutes" in refusal.refusal.message
    assert 9 * 60 < (refusal.retry_after or 0) <= 10 * 60


async def test_others_are_not_held_to_it(tight_house: House) -> None:
    await submit(tight_house, 2)
    await submit(tight_house, 2)
    await declined(tight_house)
    await submit(tight_house, requester="ben")


async def test_a_restart_resets_no_limit(tmp_path: Path, database_url: str) -> None:
    async with open_house(tmp_path, TIGHT, database_url=database_url) as house:
        await submit(house, 2)
        await submit(house, 2)
    async with open_house(tmp_path, TIGHT, database_url=database_url) as house:
        assert (await declined(house)).refusal.reason == "too_many_requests"


async def test_a_deletion_resets_no_limit(tight_house: House) -> None:
    for _ in range(2):
        await tight_house.parts.intake.withdraw(await submit(tight_house, 2))
    assert (await declined(tight_house)).refusal.reason == "too_many_requests"


async def test_one_community_may_send_so_many_photos_an_hour(tight_house: House) -> None:
    await submit(tight_house, 2, requester="ann", community="c")
    await submit(tight_house, 2, requester="ben", community="c")
    assert (await declined(tight_house, 2, requester="cleo", community="c")).refusal.reason == "crowded_community"
    await submit(tight_house, 2, requester="cleo", community="d")


async def test_ten_at_once_do_not_slip_in_under_a_limit(tight_house: House) -> None:
    outcomes = await asyncio.gather(
        *(submit(tight_house, 1, requester=f"person-{number}") for number in range(10)), return_exceptions=True
    )
    assert len([outcome for outcome in outcomes if isinstance(outcome, str)]) == 4
    assert len(tight_house.parts.queue) == 4


async def test_a_stopping_bot_takes_nothing_new(house: House) -> None:
    house.parts.intake.close()
    assert (await declined(house)).refusal.reason == "stopping"


async def test_a_submission_is_carried_through_when_the_asker_goes_away(house: House) -> None:
    request = await house.upload("photo")
    submission = asyncio.create_task(house.parts.intake.submit(request))
    await asyncio.sleep(0)
    submission.cancel()
    await asyncio.wait([submission])
    while request.id not in house.parts.queue:
        await asyncio.sleep(0.01)
    assert await house.parts.ledger.by_id(request.id) is not None


async def test_asking_again_with_other_options_is_a_request_of_its_own(house: House) -> None:
    request = await house.upload("first", "second")
    entry = await house.parts.intake.submit(request)
    again = await house.parts.intake.again(entry, RecolorOptions(vividness=1.5), requester="ben")
    await house.parts.intake.withdraw(request.id)
    assert again.request.id != request.id
    assert again.request.options.vividness == 1.5
    assert again.request.requester == "ben"
    assert again.request.images == request.images
    assert await house.parts.storage.read(again.request.id, "input-1") == b"second"


async def test_asking_again_uses_the_fetched_photo_or_the_link(house: House) -> None:
    request_id = new_request_id()
    links = link("https://example.org/a.jpg"), link("https://example.org/b.jpg")
    entry = await house.parts.intake.submit(asking(*links, request_id=request_id, message_id="m1"))
    await house.parts.storage.save_input(request_id, 1, b"fetched")
    again = await house.parts.intake.again(entry, RecolorOptions(), requester="ann")
    assert again.request.images == (links[0], ImageReference(ImageKind.UPLOAD, "input-1"))


async def test_a_deletion_once_begun_ends_although_whoever_asked_is_gone(house: House, tmp_path: Path) -> None:
    request = await house.upload("photo")
    await house.parts.intake.submit(request)
    deleting = asyncio.create_task(house.parts.intake.withdraw(request.id))
    await asyncio.sleep(0)
    deleting.cancel()
    async with asyncio.timeout(30):
        while list((tmp_path / "requests").iterdir()):
            await asyncio.sleep(0.01)


async def test_a_withdrawn_request_is_gone_everywhere(house: House, tmp_path: Path) -> None:
    request = await house.upload("photo")
    await house.parts.intake.submit(request)
    await house.parts.intake.withdraw(request.id)
    assert len(house.parts.queue) == 0
    assert list((tmp_path / "requests").iterdir()) == []
    assert await house.parts.board.status(request.id) is None
    assert await house.parts.ledger.unfinished() == []
