"""Answering exactly once, with the real PRAW against the loopback Reddit."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.adapters import Refused, TakenBack, TryLater, Undeliverable
from bot.adapters.reddit import wording
from bot.ledger.replaying import Replaying
from bot.settings import Hosting
from bot.vocabulary import Request
from inference.vocabulary import RecolorOptions
from tests.bot.adapters.reddit.conftest import Desk, open_desk
from tests.end_to_end.photos import gray_photo
from tests.platforms.reddit import Fault, Kind, RedditDouble, reading, writing
from tests.platforms.reddit.things import Comment

PHOTO, OTHER = gray_photo(16, 12, seed=1), gray_photo(16, 12, seed=2)


def summons_in(reddit: RedditDouble, **about: object) -> Comment:
    return reddit.comment(reddit.posts.image("pics", PHOTO, **about), "colorizebot")


async def answered(desk: Desk, request: Request, *photos: bytes) -> str:
    """Answer as the pipeline does: again and again, with what was noted meanwhile."""
    answer = await desk.recolored(request, *photos)
    for _ in range(8):
        try:
            return await desk.adapter.answer(await desk.current(request), answer)
        except TryLater:
            continue
    raise AssertionError("it never got answered")


@pytest.mark.parametrize(
    "kind",
    [
        Kind.SERVER_ERROR,
        Kind.BAD_GATEWAY_AFTER,
        Kind.DISCONNECT_AFTER,
        Kind.MALFORMED,
        Kind.TRUNCATED,
        Kind.HTML,
        Kind.RATELIMIT,
        Kind.UNAUTHORIZED,
    ],
)
async def test_one_answer_whatever_becomes_of_the_post(desk: Desk, reddit: RedditDouble, kind: Kind):
    summons = summons_in(reddit)
    reddit.faults.order(Fault(kind, "/api/comment", times=1, seconds=0))
    name = await answered(desk, await desk.located(summons))
    assert [answer.fullname for answer in reddit.answers_to(summons, gone=True)] == [name]


async def test_an_answer_that_the_thread_does_not_show_is_found_in_the_accounts_own_list(
    desk: Desk, reddit: RedditDouble
):
    summons = summons_in(reddit)
    request = await desk.located(summons)
    name = await answered(desk, request)
    summons.replies.clear()  # a replica that lags behind
    again = await desk.adapter.answer(await desk.current(request), wording.NO_PICTURES)
    assert again == name
    assert len(reddit.calls("/api/comment", "POST")) == 1


async def test_an_answer_without_a_name_is_looked_up(desk: Desk, reddit: RedditDouble):
    reddit.world.subreddit("pics", quarantined=True)
    summons = summons_in(reddit)
    name = await answered(desk, await desk.located(summons))
    assert [answer.fullname for answer in reddit.answers_to(summons, gone=True)] == [name]


@pytest.mark.parametrize("how", ["deleted", "removed", "edited"])
async def test_who_takes_the_summons_back_gets_no_answer(desk: Desk, reddit: RedditDouble, how: str):
    summons = summons_in(reddit)
    request = await desk.located(summons)
    answer = await desk.recolored(request)
    if how == "edited":
        reddit.edit(summons, "never mind")
    elif how == "deleted":
        reddit.delete(summons)
    else:
        reddit.remove(summons)
    with pytest.raises(TakenBack):
        await desk.adapter.answer(request, answer)
    with pytest.raises(TakenBack):
        await desk.adapter.locate(request)
    assert reddit.calls("/api/comment", "POST") == []


async def test_a_community_that_bans_the_bot_is_left_alone(desk: Desk, reddit: RedditDouble):
    summons = summons_in(reddit)
    request = await desk.located(summons)
    answer = await desk.recolored(request)
    reddit.world.subreddit("pics").banned.add(reddit.name.lower())
    with pytest.raises(Undeliverable):
        await desk.adapter.answer(request, answer)
    assert await desk.parts.etiquette.is_shut_out("reddit", "pics")


async def test_a_locked_post_is_no_ban(desk: Desk, reddit: RedditDouble):
    summons = summons_in(reddit, locked=True)
    request = await desk.located(summons)
    with pytest.raises(Undeliverable):
        await desk.adapter.answer(request, await desk.recolored(request))
    assert not await desk.parts.etiquette.is_shut_out("reddit", "pics")


async def test_a_wall_in_front_of_reddit_is_no_ban(desk: Desk, reddit: RedditDouble):
    summons = summons_in(reddit)
    request = await desk.located(summons)
    answer = await desk.recolored(request)
    reddit.faults.order(Fault(Kind.HTML, "/api/comment", times=1))
    with pytest.raises(TryLater):
        await desk.adapter.answer(request, answer)
    assert not await desk.parts.etiquette.is_shut_out("reddit", "pics")


async def test_reddit_says_how_long_to_wait(desk: Desk, reddit: RedditDouble):
    request = await desk.located(summons_in(reddit))
    reddit.faults.order(Fault(Kind.RATELIMIT, "/api/comment", times=1, seconds=37))
    with pytest.raises(TryLater) as later:
        await desk.adapter.answer(request, await desk.recolored(request))
    assert later.value.retry_after == 37


async def test_the_second_to_ask_for_a_photo_is_pointed_to_the_first_answer(desk: Desk, reddit: RedditDouble):
    first = summons_in(reddit)
    second = reddit.comment(first.submission, "colorizebot please", author="bob")
    other = reddit.comment(first.submission, "colorizebot vivid", author="cal")
    located = await desk.located(first)
    asking = await desk.taken(second)
    with pytest.raises(TryLater):
        await desk.adapter.locate(asking)
    name = await answered(desk, located)
    await desk.parts.ledger.delivered(located.id, name)
    with pytest.raises(Refused) as refused:
        await desk.adapter.locate(asking)
    assert refused.value.refusal.reason == "already_answered"
    assert f"{first.submission.permalink}{name.removeprefix('t1_')}/" in refused.value.refusal.message
    vivid = await desk.taken(other, options=RecolorOptions(vividness=1.4))
    assert (await desk.adapter.locate(vivid)).images == located.images


async def test_nobody_is_pointed_to_an_answer_that_a_moderator_removed(desk: Desk, reddit: RedditDouble):
    first = summons_in(reddit)
    second = reddit.comment(first.submission, "colorizebot please", author="bob")
    located = await desk.located(first)
    name = await answered(desk, located)
    await desk.parts.ledger.delivered(located.id, name)
    reddit.remove(reddit.answers_to(first)[0])
    assert (await desk.adapter.locate(await desk.taken(second))).images == located.images


async def test_when_the_first_one_fails_the_second_is_no_longer_held_up(desk: Desk, reddit: RedditDouble):
    first = summons_in(reddit)
    second = reddit.comment(first.submission, "colorizebot please", author="bob")
    located = await desk.located(first)
    asking = await desk.taken(second)
    await desk.parts.ledger.decided(located.id, wording.VIDEO)
    assert (await desk.adapter.locate(asking)).images == located.images


# Where the results are


async def test_results_in_the_comment_itself(tmp_path: Path, reddit: RedditDouble, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", reddit.authority)
    reddit.world.subreddit("pics", media_in_comments=("static",))
    summons = summons_in(reddit, spoiler=True)
    async with open_desk(tmp_path, reddit, hosting=Hosting.AUTO) as desk:
        await answered(desk, await desk.located(summons), PHOTO)
    (answer,) = reddit.answers_to(summons)
    assert len(answer.pictures) == 1
    sent = reddit.calls("/api/comment", "POST")[0].form["richtext_json"]
    assert '"o": "spoiler"' in sent
    assert "color.example" in answer.body  # side by side


async def test_results_on_the_profile_are_posted_once(
    tmp_path: Path, reddit: RedditDouble, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", reddit.authority)
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", reddit.authority)
    summons = summons_in(reddit, over18=True)
    reddit.faults.order(Fault(Kind.BAD_GATEWAY_AFTER, "/api/submit", times=1))
    async with open_desk(tmp_path, reddit, hosting=Hosting.AUTO) as desk:
        await answered(desk, await desk.located(summons), PHOTO)
    (answer,) = reddit.answers_to(summons)
    (post,) = reddit.own()[1]
    assert post.id in answer.body
    assert post.over18
    assert post.title.endswith(f"({summons.id})")


async def test_what_is_on_the_profile_stays_where_the_answer_leads(
    tmp_path: Path, reddit: RedditDouble, monkeypatch: pytest.MonkeyPatch
):
    """Pictures in the comment would do at the second attempt, but then nothing would lead to the post."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", reddit.authority)
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", reddit.authority)
    reddit.world.subreddit("pics", media_in_comments=("static",))
    summons = summons_in(reddit)
    reddit.faults.order(Fault(Kind.SERVER_ERROR, "upload:/", times=1))
    reddit.faults.order(Fault(Kind.SERVER_ERROR, "/api/comment", times=1))
    async with open_desk(tmp_path, reddit, hosting=Hosting.AUTO) as desk:
        await answered(desk, await desk.located(summons), PHOTO)
    (answer,) = reddit.answers_to(summons)
    (post,) = reddit.own()[1]
    assert post.id in answer.body


async def test_who_takes_the_summons_back_leaves_nothing_on_the_profile(
    tmp_path: Path, reddit: RedditDouble, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", reddit.authority)
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", reddit.authority)
    summons = summons_in(reddit)
    reddit.faults.order(Fault(Kind.SERVER_ERROR, "/api/comment", times=1))
    async with open_desk(tmp_path, reddit, hosting=Hosting.AUTO) as desk:
        request = await desk.located(summons)
        answer = await desk.recolored(request, PHOTO)
        with pytest.raises(TryLater):
            await desk.adapter.answer(request, answer)
        assert len(reddit.own()[1]) == 1
        reddit.delete(summons)
        with pytest.raises(TakenBack):
            await desk.adapter.answer(await desk.current(request), answer)
    assert reddit.own()[1] == []


async def test_what_was_sent_in_private_is_not_put_on_the_profile(tmp_path: Path, reddit: RedditDouble):
    message = reddit.message("https://i.redd.it/grandma.jpg")
    async with open_desk(tmp_path, reddit, hosting=Hosting.AUTO) as desk:
        request = await desk.taken(message)
        await answered(desk, request, PHOTO)
    (answer,) = reddit.answers_to(message)
    assert f"https://color.example/r/{request.id}" in answer.body
    assert reddit.calls("/api/media/asset") == []


async def test_when_uploads_fail_the_page_has_to_do(tmp_path: Path, reddit: RedditDouble):
    reddit.world.subreddit("pics", media_in_comments=("static",))
    summons = summons_in(reddit)
    async with open_desk(tmp_path, reddit, hosting=Hosting.AUTO) as desk:  # without the certificate
        request = await desk.located(summons)
        await answered(desk, request, PHOTO)
    (answer,) = reddit.answers_to(summons)
    assert f"https://color.example/r/{request.id}" in answer.body
    assert reddit.own()[1] == []


async def test_several_results_and_notes(desk: Desk, reddit: RedditDouble):
    post = reddit.posts.gallery("pics", [PHOTO, OTHER], title="Two of them")
    summons = reddit.comment(post, "colorizebot")
    request = await desk.located(summons)
    assert len(request.images) == 2
    await answered(desk, request, PHOTO, PHOTO)
    (answer,) = reddit.answers_to(summons)
    assert f"https://color.example/r/{request.id}" in answer.body
    for index in (0, 1):
        assert f"/results/{request.id}/result-{index}.jpg" in answer.body
        assert f"/results/{request.id}/compare-{index}.jpg" in answer.body


# Private messages


async def test_a_message_is_answered_once(desk: Desk, reddit: RedditDouble):
    message = reddit.message("https://i.redd.it/grandma.jpg")
    request = await desk.taken(message)
    reddit.faults.order(Fault(Kind.BAD_GATEWAY_AFTER, "/api/comment", times=1))
    await answered(desk, request)
    assert len(reddit.answers_to(message)) == 1


# Finding photos


async def test_a_gallery_is_waited_for(desk: Desk, reddit: RedditDouble):
    post = reddit.posts.gallery("pics", [PHOTO, OTHER], ready=False)
    request = await desk.taken(reddit.comment(post, "colorizebot"))
    with pytest.raises(TryLater):
        await desk.adapter.locate(request)
    reddit.posts.finish_gallery(post)
    assert len((await desk.adapter.locate(request)).images) == 2


async def test_pictures_far_above_are_found(desk: Desk, reddit: RedditDouble):
    post = reddit.posts.text("pics", "hello")
    comment = reddit.comment(post, "https://i.redd.it/grandma.jpg")
    for number in range(20):
        comment = reddit.comment(comment, f"wow {number}", author=f"u{number}")
    found = await desk.adapter.locate(await desk.taken(reddit.comment(comment, "colorizebot")))
    assert [image.location for image in found.images] == ["https://i.redd.it/grandma.jpg"]


async def test_no_picture_anywhere(desk: Desk, reddit: RedditDouble):
    request = await desk.taken(reddit.comment(reddit.posts.text("pics", "hello"), "colorizebot"))
    with pytest.raises(Refused) as refused:
        await desk.adapter.locate(request)
    assert refused.value.refusal == wording.NO_PICTURES


async def test_more_pictures_than_the_bot_carries(tmp_path: Path, reddit: RedditDouble, desk: Desk):
    links = " ".join(f"https://i.redd.it/{number}.jpg" for number in range(30))
    found = await desk.adapter.locate(await desk.taken(reddit.comment(reddit.posts.text("pics", links), "colorizebot")))
    assert len(found.images) == 20
    assert found.context["more_pictures"] == 30


async def test_an_upload_whose_answer_is_no_xml(tmp_path: Path, reddit: RedditDouble, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", reddit.authority)
    reddit.world.subreddit("pics", media_in_comments=("static",))
    reddit.faults.order(Fault(Kind.TOO_MANY_BARE, "upload:", times=9))
    summons = summons_in(reddit)
    async with open_desk(tmp_path, reddit, hosting=Hosting.COMMENT) as desk:
        await answered(desk, await desk.located(summons), PHOTO)
    assert "https://color.example/r/" in reddit.answers_to(summons)[0].body


async def test_the_bare_bones_of_reddit_will_do(tmp_path: Path, reddit: RedditDouble, monkeypatch: pytest.MonkeyPatch):
    """A Reddit that knows nothing but threads and comments; everything else is a 404."""
    threads = [route for route in reading.ROUTES if route[0].match("/comments/1abc/_/2def")]
    monkeypatch.setattr(reading, "ROUTES", threads)
    monkeypatch.setattr(writing, "ROUTES", {"/api/comment": writing.ROUTES["/api/comment"]})
    summons = summons_in(reddit)
    reddit.faults.order(Fault(Kind.BAD_GATEWAY_AFTER, "/api/comment", times=1))
    async with open_desk(tmp_path, reddit, hosting=Hosting.AUTO) as desk:
        request = await desk.located(summons)
        await answered(desk, request, PHOTO)
    (answer,) = reddit.answers_to(summons)
    assert f"https://color.example/r/{request.id}" in answer.body


async def test_the_answer_of_a_replayed_request_takes_the_place_of_the_refusal(desk: Desk, reddit: RedditDouble):
    summons, ledger = summons_in(reddit), desk.parts.ledger
    request = await desk.located(summons)
    await ledger.decided(request.id, wording.NO_PICTURES)
    refusal = await desk.adapter.answer(await desk.current(request), wording.NO_PICTURES)
    await ledger.delivered(request.id, refusal)
    assert await Replaying(ledger.engine).replay([request.id]) == 1
    await ledger.roster.join()
    await ledger.roster.adopt(["reddit"])
    await ledger.claim(request.id)
    answer = await desk.recolored(request)
    for _ in range(2):  # as after a crash between the edit and its note
        assert await desk.adapter.answer(await desk.current(request), answer) == refusal
    [shown] = reddit.answers_to(summons, gone=True)
    assert f"https://color.example/results/{request.id}" in shown.body
