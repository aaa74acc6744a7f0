"""What the ledger promises about a request's life, on a real SQLite file and on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.ledger import Ledger, open_ledger
from bot.vocabulary import (
    Answer,
    ImageKind,
    ImageReference,
    LeftOut,
    Refusal,
    Request,
    ResultPicture,
    State,
    new_request_id,
)
from inference.vocabulary import InputKind, Layout, RecolorOptions

ANSWER = Answer(
    results=(ResultPicture(0, "result-0.jpg", "image/jpeg", 640, 480, InputKind.TINTED),),
    model="topdown-0011aabb",
    left_out=(LeftOut(1, Refusal("not_found", "There is nothing behind that link.")),),
)
REFUSAL = Refusal("not_found", "There is nothing behind that link.")
PHOTO = ImageReference(ImageKind.URL, "https://example.org/photo.jpg")


def asking(message_id: str = "message-1", **changes: object) -> Request:
    request = Request(
        platform="web",
        message_id=message_id,
        conversation="page",
        requester="ann",
        community=None,
        images=(
            ImageReference(ImageKind.UPLOAD, "input-0"),
            ImageReference(ImageKind.URL, "https://example.org/ö.jpg"),
        ),
        options=RecolorOptions(vividness=1.3, layout=Layout.SIDE_BY_SIDE),
    )
    return replace(request, **changes)  # type: ignore[arg-type]


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with open_ledger(database_url) as opened:
        await opened.roster.join()
        yield opened


async def test_a_request_survives_a_restart_word_for_word(database_url: str) -> None:
    request = asking(community="r/OldPhotos")
    async with open_ledger(database_url) as ledger:
        await ledger.record(request)
    async with open_ledger(database_url) as ledger:
        entry = await ledger.by_id(request.id)
    assert entry is not None
    assert entry.request == request
    assert (entry.state, entry.attempts, entry.outcome, entry.answer_id) == (State.QUEUED, 0, None, None)


async def test_moments_keep_their_time_zone(ledger: Ledger) -> None:
    moment = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    request = asking(created=moment)
    await ledger.record(request)
    entry = await ledger.by_id(request.id)
    assert entry is not None
    assert entry.request.created == moment
    assert entry.request.created.tzinfo is UTC


async def test_the_same_message_is_no_second_request(ledger: Ledger) -> None:
    first, again = asking(), asking()
    assert (await ledger.record(first)).request.id == first.id
    assert (await ledger.record(again)).request.id == first.id
    assert await ledger.by_id(again.id) is None
    assert (await ledger.record(asking(platform="reddit"))).request.platform == "reddit"


async def test_twenty_sightings_at_once_make_one_request(ledger: Ledger) -> None:
    entries = await asyncio.gather(*(ledger.record(asking()) for _ in range(20)))
    assert len({entry.request.id for entry in entries}) == 1
    assert len(await ledger.unfinished()) == 1


@pytest.mark.parametrize(("outcome", "state"), [(ANSWER, State.ANSWERED), (REFUSAL, State.REFUSED)])
async def test_a_whole_life(ledger: Ledger, outcome: Answer | Refusal, state: State) -> None:
    request = asking()
    await ledger.record(request)
    claimed = await ledger.claim(request.id)
    assert claimed is not None
    assert (claimed.request, claimed.state, claimed.attempts) == (request, State.WORKING, 1)
    assert await ledger.decided(request.id, outcome)
    assert [entry.outcome for entry in await ledger.unfinished()] == [outcome]
    assert await ledger.delivered(request.id, "answer-1")
    entry = await ledger.by_id(request.id)
    assert entry is not None
    assert (entry.state, entry.outcome, entry.answer_id) == (state, outcome, "answer-1")
    assert await ledger.unfinished() == []
    assert await ledger.claim(request.id) is None


async def test_what_was_decided_is_never_changed(ledger: Ledger) -> None:
    request = asking()
    await ledger.record(request)
    await ledger.claim(request.id)
    assert await ledger.decided(request.id, REFUSAL)
    assert not await ledger.decided(request.id, ANSWER)
    claimed = await ledger.claim(request.id)
    assert claimed is not None
    assert claimed.outcome == REFUSAL


async def test_attempts_are_counted_but_not_those_that_a_stop_cut_short(ledger: Ledger) -> None:
    request = asking()
    await ledger.record(request)
    await ledger.claim(request.id)
    await ledger.released(request.id)
    entry = await ledger.by_id(request.id)
    assert entry is not None
    assert (entry.state, entry.attempts) == (State.QUEUED, 0)
    attempts = [claimed.attempts for _ in range(3) if (claimed := await ledger.claim(request.id))]
    assert attempts == [1, 2, 3]


@pytest.mark.parametrize("progress", ["queued", "working", "decided", "delivered"])
async def test_a_deletion_wins_at_any_moment(ledger: Ledger, progress: str) -> None:
    request = asking()
    await ledger.record(request)
    if progress != "queued":
        await ledger.claim(request.id)
    if progress in ("decided", "delivered"):
        await ledger.decided(request.id, ANSWER)
    if progress == "delivered":
        await ledger.delivered(request.id, "answer-1")

    assert await ledger.deleted(request.id)
    assert not await ledger.deleted(request.id)

    assert await ledger.claim(request.id) is None
    assert not await ledger.decided(request.id, ANSWER)
    assert not await ledger.delivered(request.id, "answer-1")
    await ledger.released(request.id)
    entry = await ledger.by_id(request.id)
    assert entry is not None
    assert (entry.state, entry.request.images, entry.outcome, entry.answer_id) == (State.DELETED, (), None, None)
    assert await ledger.of_requester("web", "ann") == []
    assert await ledger.ids(deleted=False) == set()
    assert await ledger.ids(deleted=True) == {request.id}
    assert (await ledger.record(asking())).state is State.DELETED, "a replayed event doesn't bring it back"


async def test_an_answer_that_nobody_can_see_closes_the_request(ledger: Ledger) -> None:
    request = asking()
    await ledger.record(request)
    await ledger.claim(request.id)
    await ledger.decided(request.id, ANSWER)
    gone = Refusal("undeliverable", "I couldn't post the answer there.")
    assert await ledger.undeliverable(request.id, gone)
    entry = await ledger.by_id(request.id)
    assert entry is not None
    assert (entry.state, entry.outcome) == (State.REFUSED, gone)


async def test_the_unfinished_come_oldest_first(ledger: Ledger) -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    for minute in (2, 0, 1):
        await ledger.record(asking(f"minute-{minute}", id=new_request_id(), created=noon + timedelta(minutes=minute)))
    assert [entry.request.message_id for entry in await ledger.unfinished()] == ["minute-0", "minute-1", "minute-2"]


async def test_a_persons_requests_come_newest_first(ledger: Ledger) -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    for minute in (2, 0, 1):
        await ledger.record(asking(f"minute-{minute}", id=new_request_id(), created=noon + timedelta(minutes=minute)))
    await ledger.record(asking("of-ben", requester="ben"))
    await ledger.record(asking("elsewhere", platform="reddit"))
    newest = await ledger.of_requester("web", "ann", limit=2)
    assert [entry.request.message_id for entry in newest] == ["minute-2", "minute-1"]


async def test_photos_are_counted_per_person_and_community_since_a_moment(ledger: Ledger) -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    await ledger.record(asking("early", created=noon - timedelta(minutes=1), community="c"))
    await ledger.record(asking("in-time", created=noon, community="c"))
    await ledger.record(asking("of-ben", created=noon, requester="ben", community="c"))
    deleted = asking("deleted", created=noon)
    await ledger.record(deleted)
    await ledger.deleted(deleted.id)
    later = asking("later", created=noon + timedelta(minutes=1))
    await ledger.record(later)
    of_ann = await ledger.taken_from_requester("web", "ann", since=noon)
    assert of_ann == [(noon, 2), (noon, 2), (noon + timedelta(minutes=1), 2)]
    assert await ledger.taken_from_requester("web", "nobody", since=noon) == []
    assert await ledger.taken_from_community("web", "c", since=noon) == [(noon, 2), (noon, 2)]
    assert await ledger.photos_from_community("web", "c", since=noon) == 4
    assert await ledger.photos_from_requester("web", "ann", since=noon) == sum(photos for _, photos in of_ann)
    assert await ledger.photos_from_requester("web", "nobody", since=noon) == 0
    assert await ledger.taken_from_community("reddit", "c", since=noon) == []


async def test_entries_are_counted_by_state(ledger: Ledger) -> None:
    await ledger.record(asking("a"))
    await ledger.record(asking("b"))
    claimed = asking("c")
    await ledger.record(claimed)
    await ledger.claim(claimed.id)
    assert await ledger.counts() == {**dict.fromkeys(State, 0), State.QUEUED: 2, State.WORKING: 1}


async def test_what_the_adapter_notes_is_kept_until_the_request_is_deleted(ledger: Ledger) -> None:
    request = asking(images=(), context={"channel": "7", "deep": {"list": [1, None, True]}})
    await ledger.record(request)
    assert await ledger.located(request.id, (PHOTO,), {}) is None, "nobody works on it"
    await ledger.claim(request.id)
    located = await ledger.located(request.id, (PHOTO, PHOTO), {"nsfw": True})
    assert located == replace(request, images=(PHOTO, PHOTO), context={**request.context, "nsfw": True})
    assert await ledger.noted(request.id, {"channel": "8"}) == replace(
        located, context={**located.context, "channel": "8"}
    )
    assert sum(photos for _, photos in await ledger.taken_from_requester("web", "ann", since=_hour_ago())) == 2
    await ledger.deleted(request.id)
    assert await ledger.noted(request.id, {"late": 1}) is None
    entry = await ledger.by_id(request.id)
    assert entry is not None
    assert (entry.request.images, entry.request.context) == ((), {})


async def test_an_answer_leads_back_to_its_request(ledger: Ledger) -> None:
    request = asking()
    await ledger.record(request)
    await ledger.claim(request.id)
    await ledger.decided(request.id, ANSWER)
    await ledger.delivered(request.id, "t1_abc")
    entry = await ledger.by_answer("web", "t1_abc")
    assert entry is not None
    assert entry.request == request
    assert await ledger.by_answer("reddit", "t1_abc") is None


async def test_what_was_asked_in_a_conversation_comes_oldest_first(ledger: Ledger) -> None:
    now = datetime.now(UTC)
    for number, (conversation, minutes) in enumerate([("a", 5), ("a", 9), ("b", 1), ("a", 200)]):
        created = now - timedelta(minutes=minutes)
        await ledger.record(asking(f"m{number}", conversation=conversation, created=created))
    entries = await ledger.in_conversation("web", "a", since=_hour_ago())
    assert [entry.request.message_id for entry in entries] == ["m1", "m0"]


@pytest.mark.parametrize("tell", [True, False])
async def test_a_request_may_be_refused_as_it_comes(ledger: Ledger, tell: bool) -> None:
    request = asking()
    entry = await ledger.record(request, REFUSAL, tell=tell)
    assert entry == await ledger.by_id(request.id)
    assert (entry.state, entry.outcome) == (State.QUEUED if tell else State.REFUSED, REFUSAL)
    assert [waiting.request.id for waiting in await ledger.unfinished()] == ([request.id] if tell else [])
    assert await ledger.was_refused("web", "ann", REFUSAL.reason, since=_hour_ago())
    assert not await ledger.was_refused("web", "ben", REFUSAL.reason, since=_hour_ago())
    assert not await ledger.was_refused("web", "ann", "another", since=_hour_ago())


async def test_notes_that_come_at_the_same_time_are_all_kept(ledger: Ledger) -> None:
    asked = [asking(f"m{number}") for number in range(5)]
    for request in asked:
        await ledger.record(request)
    await asyncio.gather(*(ledger.noted(request.id, {f"note {n}": n}) for n in range(10) for request in asked))
    for request in asked:
        entry = await ledger.by_id(request.id)
        assert entry is not None
        assert entry.request.context == {f"note {n}": n for n in range(10)}


async def test_work_that_is_cancelled_in_mid_transaction_keeps_nobody_from_writing(ledger: Ledger) -> None:
    request = asking()
    await ledger.record(request)
    for number in range(60):
        claiming = asyncio.create_task(ledger.claim(request.id))
        await asyncio.sleep(number % 15 * 0.0003)
        claiming.cancel()
        await asyncio.wait([claiming])
        async with asyncio.timeout(10):
            await ledger.released(request.id)


def _hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)
