"""Requests whose photos the adapter has to find first, and links that run out meanwhile."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bot import dispatcher
from bot.adapters import Located, Refused, TakenBack, TryLater, Undeliverable
from bot.settings import FetchSettings, Settings
from bot.vocabulary import Answer, Entry, Refusal, State, new_request_id
from bot.wording import refusal
from tests.bot.stand_ins import House, asking, link, open_house

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """A site where /good.jpg is a photo and nothing else is there."""

    async def photo(_request: web.Request) -> web.Response:
        return web.Response(body=JPEG, content_type="image/jpeg")

    app = web.Application()
    app.router.add_get("/good.jpg", photo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "{}:{}".format(*runner.addresses[0][:2])
    await runner.cleanup()


@pytest.fixture
async def chatty_house(tmp_path: Path, database_url: str, address: str) -> AsyncIterator[House]:
    async with open_house(
        tmp_path, Settings(fetch=FetchSettings(allow_private=(address,))), database_url=database_url
    ) as house:
        yield house


async def take(house: House, *links: str, age: timedelta = timedelta(0)) -> str:
    request = asking(*map(link, links), request_id=new_request_id(), message_id="m1")
    request = replace(request, created=datetime.now(UTC) - age, context={"channel": "7"})
    return (await house.parts.intake.take(request)).request.id


async def live(house: House, request_id: str) -> Entry:
    await house.pipeline.live(request_id)
    entry = await house.parts.ledger.by_id(request_id)
    assert entry is not None
    return entry


async def test_photos_are_located_once_and_kept_with_what_the_adapter_noted(chatty_house: House, address: str) -> None:
    request_id = await take(chatty_house)
    chatty_house.mailbox.places = [Located((link(f"http://{address}/good.jpg"),), {"nsfw": True})]
    entry = await live(chatty_house, request_id)
    assert isinstance(entry.outcome, Answer)
    assert entry.state is State.ANSWERED
    assert entry.request.images == (link(f"http://{address}/good.jpg"),)
    assert entry.request.context == {"channel": "7", "nsfw": True}
    assert chatty_house.mailbox.answers == {"m1": entry.outcome}


async def test_a_platform_that_fails_is_asked_again_and_it_costs_no_attempt(
    chatty_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "_FIRST_PAUSE_SECONDS", 0.01)
    request_id = await take(chatty_house)
    for attempt in range(5):
        chatty_house.mailbox.places = [TryLater("down")]
        with pytest.raises(TryLater):
            await chatty_house.pipeline.live(request_id)
        entry = await chatty_house.parts.ledger.by_id(request_id)
        assert entry is not None
        assert (entry.state, entry.attempts) == (State.QUEUED, 0), attempt


async def test_a_place_that_can_not_be_found_for_a_day_is_given_up(chatty_house: House) -> None:
    request_id = await take(chatty_house, age=timedelta(days=2))
    chatty_house.mailbox.places = [TryLater("down")]
    entry = await live(chatty_house, request_id)
    assert entry.outcome == refusal("gave_up")
    assert chatty_house.mailbox.answers == {"m1": refusal("gave_up")}


async def test_nothing_to_recolor_becomes_the_answer(chatty_house: House) -> None:
    request_id = await take(chatty_house)
    video = Refusal("video", "I recolor pictures only; please send me a still.")
    chatty_house.mailbox.places = [Refused(video)]
    entry = await live(chatty_house, request_id)
    assert (entry.state, entry.outcome) == (State.REFUSED, video)
    assert chatty_house.mailbox.answers == {"m1": video}


async def test_a_message_taken_back_before_its_answer_is_dropped(chatty_house: House, tmp_path: Path) -> None:
    request_id = await take(chatty_house)
    chatty_house.mailbox.places = [TakenBack()]
    assert (await live(chatty_house, request_id)).state is State.DELETED
    assert chatty_house.mailbox.answers == {}


async def test_a_message_taken_back_while_its_photo_is_recolored_leaves_nothing(
    chatty_house: House, address: str, tmp_path: Path
) -> None:
    request_id = await take(chatty_house, f"http://{address}/good.jpg")
    chatty_house.mailbox.failures = [TakenBack()]
    entry = await live(chatty_house, request_id)
    assert entry.state is State.DELETED
    assert entry.request.context == {}
    assert not (tmp_path / "requests" / request_id).exists()


async def test_a_place_where_nobody_will_see_an_answer_ends_the_request(chatty_house: House) -> None:
    request_id = await take(chatty_house)
    chatty_house.mailbox.places = [Undeliverable("the channel is gone")]
    entry = await live(chatty_house, request_id)
    assert entry.outcome == refusal("undeliverable")


async def test_a_link_that_ran_out_is_looked_up_again(chatty_house: House, address: str) -> None:
    request_id = await take(chatty_house, f"http://{address}/signed-until-noon.jpg")
    chatty_house.mailbox.places = [Located((link(f"http://{address}/good.jpg"),))]
    assert (await live(chatty_house, request_id)).state is State.ANSWERED


async def test_a_dead_link_that_is_still_the_same_is_refused(chatty_house: House, address: str) -> None:
    request_id = await take(chatty_house, f"http://{address}/gone.jpg")
    entry = await live(chatty_house, request_id)
    assert isinstance(entry.outcome, Refusal)
    assert entry.outcome.reason == "not_found"
