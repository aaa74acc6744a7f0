"""What people on Reddit live through with the bot. One bot serves all of these tests, as in life."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.end_to_end.photos import chroma_of, gray_animation, size_of
from tests.end_to_end.reddit.stage import Stage, stage
from tests.platforms.reddit import RedditDouble

WATCHED = ("pics", "words", "grownups")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, worker_url: str) -> Iterator[Stage]:
    """A Reddit with three watched communities; the first allows pictures in comments."""
    with RedditDouble() as reddit:
        reddit.world.subreddit("pics", media_in_comments=("static", "animated"), moderators={"Judge"})
        reddit.world.subreddit("grownups", over18=True)
        folder = tmp_path_factory.mktemp("bot")
        blocked = '["troll"]'
        with stage(folder, worker_url, reddit=reddit, subreddits=WATCHED, REDDIT__BLOCKED_USERS=blocked) as staged:
            yield staged
            staged.check()


def test_a_summons_is_answered_with_the_photo_in_colour(played: Stage):
    answer = played.answer(played.summon(played.post()))
    picture = played.pictures(answer)[0]
    assert chroma_of(picture) > 1
    assert size_of(picture)[1] == (64, 48)
    assert "delete" in answer.body.lower()
    assert "opt out" in answer.body.lower()


@pytest.mark.parametrize(
    "body",
    ["Colorizebot!", "hey u/colorizebot, what do you make of it?", "**colourizebot**", "> nice\n\ncolorizebot pls"],
)
def test_ways_to_call(played: Stage, body: str):
    assert played.pictures(played.answer(played.summon(played.post(), body)))


@pytest.mark.parametrize(
    "body",
    [
        "> colorizebot",
        "try `colorizebot`",
        "    colorizebot",
        "[colorizebot](https://example.org)",
        "colorizebots are everywhere",
        "https://example.org/colorizebot",
        "> somebody said u/colorizebot\n\nreally?",
    ],
)
def test_what_is_no_call(played: Stage, body: str):
    played.silent(played.reddit.comment(played.post(), body))


def test_a_mention_elsewhere(played: Stage):
    summons = played.summon(played.post("faraway"), "u/colorizebot please")
    assert played.pictures(played.answer(summons))
    played.until(lambda: summons.fullname not in played.reddit.unread(), "the mention to be marked as read")


def test_a_mention_where_the_stream_sees_it_too(played: Stage):
    played.answer(played.summon(played.post(), "u/colorizebot"))


def test_vivid_and_soft(played: Stage):
    post = played.post()
    plain, vivid, soft = [
        chroma_of(played.pictures(played.answer(played.summon(post, body, author=author)))[0])
        for body, author in [("colorizebot", "bea"), ("colorizebot vivid", "cid"), ("colorizebot, soft please", "dan")]
    ]
    assert soft < plain < vivid


def test_side_by_side(played: Stage):
    answer = played.answer(played.summon(played.post(), "colorizebot compare"))
    assert size_of(played.pictures(answer)[0])[1][0] > 64


def test_before_and_after_are_linked(played: Stage):
    answer = played.answer(played.summon(played.post("words")))
    compare = [link for link in played.links(answer) if "compare" in link]
    assert compare
    assert size_of(played._behind(compare[0])[0])[1][0] > 64


def test_a_gallery_in_its_order(played: Stage):
    sizes = [(60, 40), (50, 40), (40, 60), (30, 60)]
    post = played.reddit.posts.gallery("pics", [played.photo(*size) for size in sizes])
    answer = played.answer(played.summon(post))
    assert [size_of(picture)[1] for picture in played.pictures(answer)][:4] == sizes


def test_a_gallery_that_reddit_is_still_busy_with(played: Stage):
    post = played.reddit.posts.gallery("pics", [played.photo(), played.photo()], ready=False)
    summons = played.summon(post)
    played.until(
        lambda: [call for call in played.reddit.journal if post.fullname in call.threads and call.site == "oauth"],
        "the bot to look at the gallery",
    )
    assert played.reddit.answers_to(summons) == []
    played.reddit.posts.finish_gallery(post)
    assert len(played.pictures(played.answer(summons))) >= 2


def test_an_animation(played: Stage):
    post = played.reddit.posts.animated("pics", gray_animation(40, 30, 3))
    assert size_of(played.pictures(played.answer(played.summon(post)))[0]) == ("GIF", (40, 30))


def test_an_animation_where_comments_hold_no_pictures(played: Stage):
    post = played.reddit.posts.animated("words", gray_animation(40, 32, 3))
    assert size_of(played.pictures(played.answer(played.summon(post)))[0])[1] == (40, 32)


def test_a_crosspost(played: Stage):
    post = played.reddit.posts.crosspost("pics", played.post("faraway"))
    assert chroma_of(played.pictures(played.answer(played.summon(post)))[0]) > 1


def test_a_link_to_a_page_with_a_picture(played: Stage):
    picture = played.reddit.studio.host("elsewhere.jpg", played.photo(70, 50))
    page = f'<html><head><meta property="og:image" content="{picture}"></head><body>hello</body></html>'
    url = played.reddit.studio.host("page.html", page.encode(), "text/html")
    answer = played.answer(played.summon(played.reddit.posts.link("pics", url)))
    assert size_of(played.pictures(answer)[0])[1] == (70, 50)


def test_the_preview_as_last_resort(played: Stage):
    url = played.reddit.studio.host("bare.html", b"<html><body>nothing</body></html>", "text/html")
    answer = played.answer(played.summon(played.reddit.posts.link("pics", url, preview=played.photo(72, 50))))
    assert size_of(played.pictures(answer)[0])[1] == (72, 50)


def test_a_link_in_the_summons_itself(played: Stage):
    url = played.reddit.studio.host("own.jpg", played.photo(74, 50))
    answer = played.answer(played.summon(played.post(), f"colorizebot [this one]({url})"))
    assert size_of(played.pictures(answer)[0])[1] == (74, 50)


def test_a_picture_in_a_comment_above(played: Stage):
    shown = played.reddit.comment(played.post(), "mine", author="bob", picture=played.photo(76, 50))
    between = played.reddit.comment(shown, "lovely", author="cat")
    answer = played.answer(played.summon(between, "colorizebot"))
    assert size_of(played.pictures(answer)[0])[1] == (76, 50)


def test_a_picture_in_the_summons_itself(played: Stage):
    answer = played.answer(played.summon(played.post(), "colorizebot", picture=played.photo(78, 50)))
    assert size_of(played.pictures(answer)[0])[1] == (78, 50)


def test_a_text_post_with_a_picture_in_it(played: Stage):
    post = played.reddit.posts.text("pics", "my grandmother", pictures=[played.photo(80, 50)])
    assert size_of(played.pictures(played.answer(played.summon(post)))[0])[1] == (80, 50)


def test_a_video_is_refused_kindly(played: Stage):
    post = played.reddit.posts.video("pics", still=played.photo())
    answer = played.answer(played.summon(post, author="vic"))
    assert "video" in answer.body
    assert played.pictures(answer) == []


def test_nothing_to_recolor(played: Stage):
    answer = played.answer(played.summon(played.reddit.posts.text("pics", "only words"), author="wes"))
    assert "picture" in answer.body or "photo" in answer.body


def test_a_second_summons_points_to_the_first_answer(played: Stage):
    post = played.post("words")
    first = played.answer(played.summon(post, author="eve"))
    second = played.answer(played.summon(post, author="fay"))
    assert first.id in second.body
    assert len([one for one in played.reddit.own()[1] if one.title.startswith(post.title)]) >= 1


def test_a_photo_in_colour_is_told_so(played: Stage):
    first = played.pictures(played.answer(played.summon(played.post())))[0]
    answer = played.answer(played.summon(played.reddit.posts.image("pics", first)))
    assert "colour already" in answer.body


def test_nsfw_and_spoiler_are_kept(played: Stage):
    post = played.reddit.posts.image("grownups", played.photo(), spoiler=True, title="careful now")
    answer = played.answer(played.summon(post))
    own = [one for one in played.reddit.own()[1] if one.title.startswith("careful now")]
    assert [(one.over18, one.spoiler) for one in own] == [(True, True)]
    assert "NSFW" in answer.body


def test_the_requester_deletes(played: Stage):
    post = played.post("words", title="to be deleted")
    summons = played.summon(post, author="gus")
    answer = played.answer(summons)
    page = [link for link in played.links(answer) if link.startswith(played.bot.url)]
    played.silent(played.reddit.comment(answer, "delete", author="stranger"))
    played.silent(played.reddit.comment(answer, "Delete!", author="gus"))
    played.until(lambda: not played.reddit.answers_to(summons), "the answer to be deleted")
    played.until(
        lambda: not [one for one in played.reddit.own()[1] if one.title.startswith("to be deleted")],
        "the post on the profile to be deleted",
    )
    for link in page:
        played.until(partial(played.gone, link), "the page to be deleted")


def test_a_stranger_may_not_delete_but_a_moderator_may(played: Stage):
    summons = played.summon(played.post(), author="hal")
    answer = played.answer(summons)
    attempt = played.reddit.comment(answer, "delete", author="stranger")
    played.silent(attempt)
    played.until(lambda: attempt.fullname not in played.reddit.unread(), "the stranger's reply to be read")
    assert played.reddit.answers_to(summons) == [answer]
    played.silent(played.reddit.comment(answer, "delete", author="Judge"))
    played.until(lambda: not played.reddit.answers_to(summons), "the answer to be deleted")


def test_opting_out_and_in(played: Stage):
    told = played.answer(played.reddit.message("opt out", author="ivy"))
    assert "opt in" in told.body
    ignored = played.reddit.comment(played.post(), "colorizebot", author="ivy")
    played.silent(ignored)
    mention = played.reddit.comment(played.post("faraway"), "u/colorizebot", author="ivy")
    played.silent(mention)
    played.until(lambda: mention.fullname not in played.reddit.unread(), "the mention to be read")
    assert played.reddit.answers_to(mention) == []
    played.answer(played.reddit.message("opt in", author="ivy"))
    played.answer(played.summon(played.post(), author="ivy"))


def test_a_link_by_private_message(played: Stage):
    url = played.reddit.studio.host("letter.jpg", played.photo(82, 50))
    posts = played.reddit.own()[1]
    answer = played.answer(played.reddit.message(f"colorizebot {url}", author="jim"))
    page, beside = played.links(answer)
    assert page.startswith(f"{played.bot.url}/r/")
    assert "/compare-0.jpg" in beside
    assert size_of(played.pictures(answer)[0])[1] == (164, 50)
    assert played.reddit.own()[1] == posts, "what comes in private stays private"


def test_nobody_calls_it_who_may_not(played: Stage):
    post = played.post()
    for author in ("troll", "AutoModerator", "colorizebot"):
        played.silent(played.reddit.comment(post, "colorizebot", author=author))
    answer = played.answer(played.summon(post, author="kim"))
    played.silent(played.reddit.comment(answer, "good bot", author="kim"))


def test_a_community_that_bans_it_is_left_alone(played: Stage):
    played.reddit.world.ban("nobots", "colorizebot")
    first = played.reddit.comment(played.post("nobots"), "u/colorizebot", author="lea")
    played.silent(first)
    played.until(lambda: first.fullname not in played.reddit.unread(), "the mention to be read")
    played.bot.until_logged("r/nobots doesn't let the bot write")
    tries = len(played.reddit.calls("/api/comment"))
    second = played.reddit.comment(played.post("nobots"), "u/colorizebot", author="lou")
    played.silent(second)
    played.until(lambda: second.fullname not in played.reddit.unread(), "the mention to be read")
    played.answer(played.summon(played.post(), author="lou"))
    assert [c for c in played.reddit.calls("/api/comment")[tries:] if second.submission.fullname in c.threads] == []


def test_locked_and_deleted_in_the_meantime(played: Stage):
    locked = played.post()
    locked.locked = True
    played.silent(played.reddit.comment(locked, "colorizebot", author="max"))
    with played.reddit.world.lock:  # nobody sees it before it is deleted
        gone = played.reddit.comment(played.post(), "colorizebot", author="max")
        played.reddit.delete(gone)
    played.silent(gone)
    played.answer(played.summon(played.post(), author="max"))


def test_an_edited_away_summons_is_dropped(played: Stage):
    post = played.reddit.posts.gallery("pics", [played.photo(), played.photo()], ready=False)
    summons = played.reddit.comment(post, "colorizebot", author="ned")
    played.silent(summons)
    played.until(
        lambda: [call for call in played.reddit.journal if post.fullname in call.threads and call.site == "oauth"],
        "the bot to look at the gallery",
    )
    played.reddit.edit(summons, "never mind")
    played.reddit.posts.finish_gallery(post)


def test_the_answers_read_well(played: Stage):
    """Not much to assert: print what people read."""
    post = played.reddit.posts.gallery("words", [played.photo(), played.photo()], spoiler=True)
    answers = [
        played.answer(played.summon(played.post(), author="pam")),
        played.answer(played.summon(played.post("words"), author="pam")),
        played.answer(played.summon(post, author="pam")),
    ]
    for answer in answers:
        print("\n" + "-" * 80 + "\n" + answer.body)
    assert all(len(answer.body) < 3000 for answer in answers)
