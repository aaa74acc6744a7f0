"""The life of a request, told to its end: over a real worker socket, real links, real files and a real database."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from io import BufferedWriter
from pathlib import Path

import pytest
from aiohttp import web

from bot import dispatcher, storage
from bot.adapters import Undeliverable
from bot.pipeline import MAX_WORK_ATTEMPTS
from bot.settings import FetchSettings, LimitSettings, Settings
from bot.vocabulary import Answer, Entry, ImageReference, Refusal, Request, State, new_request_id
from inference.vocabulary import InputKind, RecolorOptions
from tests.bot.stand_ins import MODEL, House, asking, link, open_house


async def finished(house: House, request_id: str) -> Entry:
    async with asyncio.timeout(60):
        entry = None
        async for status in house.parts.board.watch(request_id):
            entry = status.entry
    assert entry is not None
    assert entry.state.finished
    return entry


async def live(house: House, request: Request) -> Entry:
    await house.parts.intake.submit(request)
    return await finished(house, request.id)


async def take_a_turn(house: House) -> None:
    """Make one attempt at the request whose turn it is."""
    _, request_id = await house.parts.queue.take()
    await house.pipeline.live(request_id)


def refusal_of(entry: Entry) -> Refusal:
    assert entry.state is State.REFUSED
    assert isinstance(entry.outcome, Refusal)
    return entry.outcome


def answer_of(entry: Entry) -> Answer:
    assert entry.state is State.ANSWERED
    assert isinstance(entry.outcome, Answer)
    return entry.outcome


async def test_an_uploaded_photo_is_recolored_and_answered(busy_house: House) -> None:
    request = replace(await busy_house.upload("photo"), options=RecolorOptions(vividness=1.4))
    entry = await live(busy_house, request)
    answer = answer_of(entry)
    (result,) = answer.results
    assert (result.file, result.media_type, result.width, result.height) == ("result-0.jpg", "image/jpeg", 640, 480)
    assert (result.input, answer.model, answer.left_out) == (InputKind.GRAY, MODEL, ())
    assert await busy_house.parts.storage.read(request.id, result.file) == b"recolored photo"
    assert busy_house.mailbox.answers == {request.message_id: answer}
    assert entry.answer_id == f"answer to {request.message_id}"
    assert entry.attempts == 1
    assert busy_house.worker.asked == [("photo", request.options.to_query())]


async def test_of_several_photos_the_good_ones_are_answered_and_the_others_named(busy_house: House) -> None:
    answer = answer_of(await live(busy_house, await busy_house.upload("first", "broken", "third")))
    assert [result.file for result in answer.results] == ["result-0.jpg", "result-2.jpg"]
    assert [(left_out.index, left_out.refusal.reason) for left_out in answer.left_out] == [(1, "broken_image")]


async def test_when_no_photo_is_any_good_the_first_ones_refusal_is_told(busy_house: House) -> None:
    request = await busy_house.upload("broken", "broken")
    refusal = refusal_of(await live(busy_house, request))
    assert refusal.reason == "broken_image"
    assert "damaged" in refusal.message
    assert busy_house.mailbox.answers == {request.message_id: refusal}


async def test_a_full_disk_costs_nobody_their_answer(busy_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "_FIRST_PAUSE_SECONDS", 0.01)
    request, sync, full = await busy_house.upload("photo"), storage._sync, iter(range(2 * MAX_WORK_ATTEMPTS))

    def sync_where_there_is_room(file: BufferedWriter) -> None:
        if next(full, None) is not None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)

    monkeypatch.setattr(storage, "_sync", sync_where_there_is_room)
    entry = await live(busy_house, request)
    assert (answer_of(entry).left_out, entry.attempts) == ((), 1)


async def test_a_photo_that_vanished_is_refused(busy_house: House) -> None:
    request = await busy_house.upload("photo")
    await busy_house.parts.storage.remove(request.id)
    assert refusal_of(await live(busy_house, request)).reason == "photo_gone"


# As much of a JPEG as the fetcher looks at.
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


class ImageHost:
    """A site with one photo, which it gives out while ``gate`` is open."""

    def __init__(self) -> None:
        self.address = ""
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    def link(self) -> ImageReference:
        return link(f"http://{self.address}/photo.jpg")

    async def photo(self, _request: web.Request) -> web.Response:
        self.asked.set()
        await self.gate.wait()
        return web.Response(body=JPEG, content_type="image/jpeg")


@pytest.fixture
async def host() -> AsyncIterator[ImageHost]:
    site = ImageHost()
    app = web.Application()
    app.router.add_get("/photo.jpg", site.photo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    name, port = runner.addresses[0][:2]
    site.address = f"{name}:{port}"
    yield site
    await runner.cleanup()


@pytest.fixture
async def linking_house(tmp_path: Path, database_url: str, host: ImageHost) -> AsyncIterator[House]:
    async with open_house(
        tmp_path, Settings(fetch=FetchSettings(allow_private=(host.address,))), database_url=database_url
    ) as house:
        yield house


async def test_a_linked_photo_is_fetched_kept_and_recolored(linking_house: House, host: ImageHost) -> None:
    request = asking(host.link(), request_id=new_request_id(), message_id="m1")
    await linking_house.parts.intake.submit(request)
    await take_a_turn(linking_house)
    answer_of(await finished(linking_house, request.id))
    assert await linking_house.parts.storage.read(request.id, "input-0") == JPEG


async def test_a_bad_link_is_refused_in_the_fetchers_words(busy_house: House) -> None:
    request = asking(link("http://127.0.0.1:9/photo.jpg"), request_id=new_request_id(), message_id="m1")
    assert refusal_of(await live(busy_house, request)).reason == "private_address"


async def test_a_photo_fetched_before_a_crash_is_not_fetched_again(house: House) -> None:
    request = asking(link("https://no-such-host.invalid/"), request_id=new_request_id(), message_id="m1")
    await house.parts.intake.submit(request)
    await house.parts.storage.save_input(request.id, 0, b"fetched before")
    await take_a_turn(house)
    assert await house.parts.storage.read(request.id, "result-0.jpg") == b"recolored fetched before"


async def test_a_photo_that_kills_the_bot_is_given_up(house: House) -> None:
    request = await house.upload("photo")
    await house.parts.intake.submit(request)
    for _ in range(MAX_WORK_ATTEMPTS):
        await house.parts.ledger.claim(request.id)  # and the bot died
    await take_a_turn(house)
    assert [answer.reason for answer in house.mailbox.answers.values() if isinstance(answer, Refusal)] == ["gave_up"]
    assert house.worker.asked == []


async def test_what_was_decided_before_a_crash_is_delivered_and_not_worked_out_again(house: House) -> None:
    request = await house.upload("photo")
    await house.parts.intake.submit(request)
    decided = Refusal("decided_before", "As I said.")
    for _ in range(MAX_WORK_ATTEMPTS + 1):
        await house.parts.ledger.claim(request.id)
    await house.parts.ledger.decided(request.id, decided)
    await take_a_turn(house)
    assert house.mailbox.answers == {request.message_id: decided}
    assert house.worker.asked == []


async def test_an_answer_that_nobody_can_see_closes_the_request(house: House) -> None:
    house.mailbox.failures = [Undeliverable("the message is gone")]
    request = await house.upload("photo")
    await house.parts.intake.submit(request)
    await take_a_turn(house)
    assert refusal_of(await finished(house, request.id)).reason == "undeliverable"


async def test_a_request_deleted_while_in_work_is_not_answered_and_leaves_nothing(
    busy_house: House, tmp_path: Path
) -> None:
    request = await busy_house.upload("slow")
    await busy_house.parts.intake.submit(request)
    while not busy_house.worker.asked:
        await asyncio.sleep(0.01)
    await busy_house.parts.intake.withdraw(request.id)
    busy_house.worker.gate.set()
    following = await busy_house.upload("photo")
    await live(busy_house, following)
    assert list(busy_house.mailbox.answers) == [following.message_id]
    while len(left := list((tmp_path / "requests").iterdir())) > 1:
        await asyncio.sleep(0.01)
    assert [folder.name for folder in left] == [following.id]


async def test_a_link_deleted_while_it_is_fetched_leaves_nothing(linking_house: House, host: ImageHost) -> None:
    request = asking(host.link(), request_id=new_request_id(), message_id="m1")
    await linking_house.parts.intake.submit(request)
    host.gate.clear()
    life = asyncio.create_task(take_a_turn(linking_house))
    await host.asked.wait()
    await linking_house.parts.intake.withdraw(request.id)
    host.gate.set()
    await life
    assert linking_house.mailbox.answers == {}
    assert not linking_house.parts.storage.path(request.id, "input-0").parent.exists()


async def test_work_is_never_waited_for_longer_than_the_limit(tmp_path: Path, database_url: str) -> None:
    async with open_house(
        tmp_path, Settings(limits=LimitSettings(worker_patience_seconds=0.3)), database_url=database_url
    ) as house:
        house.worker.ready = False
        request = await house.upload("photo")
        await house.parts.intake.submit(request)
        await take_a_turn(house)
        assert refusal_of(await finished(house, request.id)).reason == "worker_away"
