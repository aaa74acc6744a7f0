"""The running adapter, with the real PRAW against the loopback Reddit: what it takes, and what it leaves alone."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from bot.vocabulary import Entry, State
from tests.bot.adapters.reddit.conftest import Desk, open_desk
from tests.end_to_end.photos import gray_photo
from tests.platforms.reddit import Fault, Kind, RedditDouble, reading
from tests.platforms.reddit.things import Comment, Message

PHOTO = gray_photo(16, 12, seed=3)
QUIET_SECONDS = 0.6


@asynccontextmanager
async def listening(folder: Path, reddit: RedditDouble, **settings: Any) -> AsyncIterator[Desk]:
    async with open_desk(folder, reddit, **settings) as desk:
        running = asyncio.create_task(desk.adapter.run(desk.parts.intake, lambda where: None))
        try:
            yield desk
            assert not running.done(), running.exception()
        finally:
            running.cancel()
            await asyncio.wait([running])


async def until(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    for _ in range(1200):
        if found := await look():
            return found
        await asyncio.sleep(0.025)
    raise AssertionError(f"waited in vain for {what}")


async def entry_of(desk: Desk, thing: Comment | Message) -> Entry:
    found: Entry = await until(lambda: desk.parts.ledger.by_message("reddit", thing.fullname), thing.body)
    return found


async def was_left_alone(desk: Desk, *things: Comment | Message) -> bool:
    await asyncio.sleep(QUIET_SECONDS)
    return [await desk.parts.ledger.by_message("reddit", thing.fullname) for thing in things] == [None] * len(things)


async def test_the_same_comment_by_stream_and_by_mention_is_one_request(tmp_path: Path, reddit: RedditDouble):
    async with listening(tmp_path, reddit) as desk:
        summons = reddit.comment(reddit.posts.image("pics", PHOTO), "u/colorizebot vivid")
        entry = await entry_of(desk, summons)
        await until(lambda: _nothing_unread(reddit), "the mention to be marked as read")
        assert entry.request.conversation == summons.submission.fullname
        assert entry.request.options.vividness > 1
        assert entry.request.community == "pics"
        unfinished = await desk.parts.ledger.unfinished()
        assert [one.request.message_id for one in unfinished] == [summons.fullname]


async def _nothing_unread(reddit: RedditDouble) -> bool:
    return not reddit.unread()


async def test_who_gets_no_answer(tmp_path: Path, reddit: RedditDouble):
    reddit.world.subreddit("closed")
    settings = {"blocked_users": ("troll",), "blocked_subreddits": ("closed",), "subreddits": ("pics", "closed")}
    async with listening(tmp_path, reddit, **settings) as desk:
        await desk.parts.etiquette.opt_out("reddit", "shy")
        post = reddit.posts.image("pics", PHOTO)
        ignored = [
            reddit.comment(post, "colorizebot", author=author)
            for author in ("Troll", "Shy", "AutoModerator", reddit.name)
        ]
        ignored.append(reddit.comment(reddit.posts.image("closed", PHOTO), "u/colorizebot"))
        await until(lambda: _nothing_unread(reddit), "the mention to be marked as read")
        assert await was_left_alone(desk, *ignored)


async def test_an_opt_out_is_acknowledged_once_and_an_opt_in_undoes_it(tmp_path: Path, reddit: RedditDouble):
    async with listening(tmp_path, reddit) as desk:
        out = reddit.message("Opt out.", author="Shy")
        acknowledged = await entry_of(desk, out)
        assert acknowledged.outcome is not None
        assert await desk.parts.etiquette.has_opted_out("reddit", "shy")
        await entry_of(desk, reddit.message("opt in", author="Shy"))
        assert not await desk.parts.etiquette.has_opted_out("reddit", "shy")


async def test_an_opt_out_is_not_acknowledged_where_the_bot_stays_silent_nor_again_and_again(
    tmp_path: Path, reddit: RedditDouble
):
    reddit.world.subreddit("closed")
    async with listening(tmp_path, reddit, blocked_subreddits=("closed",)) as desk:
        there = reddit.comment(reddit.posts.image("closed", PHOTO), "u/colorizebot opt out", author="Shy")
        assert (await entry_of(desk, there)).state is State.REFUSED
        assert await desk.parts.etiquette.has_opted_out("reddit", "shy")
        told, *more = [await entry_of(desk, reddit.message("opt out", author="Bob")) for _ in range(3)]
        assert told.state is State.QUEUED
        assert [entry.state for entry in more] == [State.REFUSED] * 2


async def test_opt_out_said_to_somebody_else_is_not_meant(tmp_path: Path, reddit: RedditDouble):
    async with listening(tmp_path, reddit) as desk:
        comment = reddit.comment(reddit.posts.text("pics", "Do you like newsletters?"), "opt out", author="Bob")
        assert await was_left_alone(desk, comment)
        called = reddit.comment(comment.submission, "colorizebot opt out", author="Bob")
        await entry_of(desk, called)
        assert await desk.parts.etiquette.has_opted_out("reddit", "bob")


async def test_a_message_with_a_link_is_a_summons(tmp_path: Path, reddit: RedditDouble):
    async with listening(tmp_path, reddit) as desk:
        with_link = await entry_of(desk, reddit.message("please, soft: https://i.redd.it/grandma.jpg"))
        assert [image.location for image in with_link.request.images] == ["https://i.redd.it/grandma.jpg"]
        assert with_link.request.options.vividness < 1
        thanks = reddit.message("thank you so much!")
        assert await was_left_alone(desk, thanks)
        post = reddit.posts.image("pics", PHOTO)
        to_post = await entry_of(desk, reddit.message(f"https://www.reddit.com{post.permalink}"))
        assert (await desk.adapter.locate(to_post.request)).images[0].location == post.fields["url"]


@pytest.mark.parametrize("link", ["http://xn--a/", "http://[]@", "![](\ud83d)"])
async def test_a_link_that_nobody_can_read_stops_nothing(tmp_path: Path, reddit: RedditDouble, link: str):
    async with listening(tmp_path, reddit) as desk:
        odd = reddit.message(f"colorizebot {link}")
        comment = reddit.comment(reddit.posts.image("pics", PHOTO), f"colorizebot {link}")
        await entry_of(desk, odd)
        found = await desk.adapter.locate((await entry_of(desk, comment)).request)
        assert found.images
        await entry_of(desk, reddit.message("https://i.redd.it/grandma.jpg", author="bob"))


async def test_what_could_not_be_noted_down_is_seen_again(
    tmp_path: Path, reddit: RedditDouble, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async with listening(tmp_path, reddit) as desk:
        record, failures = desk.parts.ledger.record, 3

        async def failing(*arguments: Any, **options: Any) -> Entry:
            nonlocal failures
            if failures:
                failures -= 1
                raise OperationalError("INSERT", {}, Exception("the disk is full"))
            return await record(*arguments, **options)

        monkeypatch.setattr(desk.parts.ledger, "record", failing)
        with caplog.at_level(logging.WARNING):
            summons = reddit.comment(reddit.posts.image("pics", PHOTO), "colorizebot")
            assert (await entry_of(desk, summons)).state is State.QUEUED
        assert failures == 0
        assert any("nothing can be noted" in line for line in caplog.messages)


async def test_what_was_posted_while_the_bot_was_down_is_picked_up(tmp_path: Path, reddit: RedditDouble):
    post = reddit.posts.image("pics", PHOTO)
    missed = reddit.comment(post, "colorizebot")
    for number in range(150):
        reddit.comment(post, f"nice {number}", author=f"u{number}")
    message = reddit.message("https://i.redd.it/grandma.jpg")
    async with listening(tmp_path, reddit) as desk:
        await entry_of(desk, missed)
        await entry_of(desk, message)


@pytest.mark.parametrize("kind", [Kind.UNAUTHORIZED, Kind.SERVER_ERROR, Kind.MALFORMED, Kind.TRUNCATED, Kind.HTML])
async def test_signing_in_may_fail_for_a_while(tmp_path: Path, reddit: RedditDouble, kind: Kind):
    reddit.faults.order(Fault(kind, "www:/api/v1/access_token", times=2))
    async with listening(tmp_path, reddit) as desk:
        await entry_of(desk, reddit.comment(reddit.posts.image("pics", PHOTO), "colorizebot"))


@pytest.mark.parametrize("path", ["/message/unread", "/message/inbox", "/api/read_message"])
async def test_a_closed_inbox_keeps_no_comment_from_being_heard(tmp_path: Path, reddit: RedditDouble, path: str):
    reddit.faults.order(Fault(Kind.FORBIDDEN, path, times=10**6))
    async with listening(tmp_path, reddit) as desk:
        await entry_of(desk, reddit.comment(reddit.posts.image("pics", PHOTO), "colorizebot"))


@pytest.mark.parametrize("missing", ["/message/unread", "/message/inbox", "/message/sent", "/user/x/comments"])
async def test_a_reddit_without_some_of_its_listings_will_do(
    tmp_path: Path,
    reddit: RedditDouble,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    missing: str,
):
    routes = [(pattern, handler) for pattern, handler in reading.ROUTES if not pattern.match(missing)]
    if missing.startswith("/message/") and missing != "/message/sent":
        routes.insert(0, (re.compile(rf"/message/(?P<box>(?!{missing.rpartition('/')[2]})\w+)$"), _inbox_of()))
    monkeypatch.setattr(reading, "ROUTES", routes)
    async with listening(tmp_path, reddit) as desk:
        mention = reddit.comment(reddit.posts.image("elsewhere", PHOTO), "u/colorizebot")
        await entry_of(desk, mention)
        await asyncio.sleep(QUIET_SECONDS)
    assert len([line for line in caplog.messages if "can't read" in line]) == 0


def _inbox_of() -> Any:
    return next(handler for pattern, handler in reading.ROUTES if pattern.match("/message/unread"))


@pytest.mark.parametrize("kind", [Kind.SHUFFLED, Kind.REPEATED, Kind.MALFORMED, Kind.TRUNCATED, Kind.SERVER_ERROR])
async def test_listings_of_every_kind(tmp_path: Path, reddit: RedditDouble, kind: Kind):
    reddit.faults.order(Fault(kind, "/r/pics/comments", times=3))
    post = reddit.posts.image("pics", PHOTO)
    summonses = [reddit.comment(post, "colorizebot", author=f"u{number}") for number in range(5)]
    async with listening(tmp_path, reddit) as desk:
        for summons in summonses:
            await entry_of(desk, summons)


async def test_all_threads_end_when_the_adapter_does(tmp_path: Path, reddit: RedditDouble):
    async with listening(tmp_path, reddit) as desk:
        await entry_of(desk, reddit.comment(reddit.posts.image("pics", PHOTO), "colorizebot"))
        assert {"reddit-comments-0", "reddit-inbox-0", "reddit-answers-0"} <= {t.name for t in threading.enumerate()}
    for thread in threading.enumerate():
        if thread.name.startswith("reddit-"):
            thread.join(60)
            assert not thread.is_alive()


async def test_delete_by_the_requester_removes_answer_and_pictures(tmp_path: Path, reddit: RedditDouble):
    summons = reddit.comment(reddit.posts.image("pics", PHOTO), "colorizebot")
    async with listening(tmp_path, reddit) as desk:
        entry = await entry_of(desk, summons)
        request = entry.request
        await desk.parts.ledger.claim(request.id)
        found = await desk.adapter.locate(request)
        await desk.parts.ledger.located(request.id, found.images, found.context)
        name = await desk.adapter.answer(request, await desk.recolored(request))
        await desk.parts.ledger.delivered(request.id, name)
        (answer,) = reddit.answers_to(summons)
        reddit.comment(answer, "delete", author="stranger")
        await asyncio.sleep(QUIET_SECONDS)
        assert reddit.answers_to(summons)
        reddit.faults.order(Fault(Kind.SERVER_ERROR, "/api/del", times=1))
        reddit.comment(answer, "Delete!", author="ann")
        await until(lambda: _is_deleted(desk, request.id), "the request to be deleted")
        assert not reddit.answers_to(summons)
        await until(lambda: _has_no_pictures(desk, request.id), "its pictures to be removed")
        await until(lambda: _nothing_unread(reddit), "the commands to be marked as read")


async def _has_no_pictures(desk: Desk, request_id: str) -> bool:
    return not await desk.parts.storage.holds(request_id, "result-0.jpg")


async def _is_deleted(desk: Desk, request_id: str) -> bool:
    entry = await desk.parts.ledger.by_id(request_id)
    return entry is not None and entry.state is State.DELETED


async def test_a_moderator_may_delete_an_answer_that_the_ledger_has_not_heard_of(tmp_path: Path, reddit: RedditDouble):
    reddit.world.subreddit("pics", moderators={"Judge"})
    summons = reddit.comment(reddit.posts.image("pics", PHOTO), "colorizebot")
    async with listening(tmp_path, reddit) as desk:
        request = (await entry_of(desk, summons)).request
        await desk.parts.ledger.claim(request.id)
        await desk.adapter.answer(request, await desk.recolored(request))
        reddit.comment(reddit.answers_to(summons)[0], "colorizebot delete", author="Judge")
        await until(lambda: _is_deleted(desk, request.id), "the request to be deleted")
        assert not reddit.answers_to(summons)


async def test_limits_are_told(tmp_path: Path, reddit: RedditDouble):
    async with listening(tmp_path, reddit, answers_per_thread=2, answers_per_user_hour=3) as desk:
        post = reddit.posts.image("pics", PHOTO)
        for number in range(2):
            await entry_of(desk, reddit.comment(post, "colorizebot", author=f"u{number}"))
        third = await entry_of(desk, reddit.comment(post, "colorizebot", author="u2"))
        assert getattr(third.outcome, "reason", None) == "thread_full"
