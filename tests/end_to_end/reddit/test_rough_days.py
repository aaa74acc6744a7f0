"""Reddit on its bad days: slow to show what was posted, terse, muddled, or silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.photos import chroma_of
from tests.end_to_end.reddit.stage import stage
from tests.platforms.reddit import Fault, Kind, RedditDouble

LOST = (Kind.BAD_GATEWAY_AFTER, Kind.DISCONNECT_AFTER, Kind.MALFORMED)


@pytest.mark.parametrize("hosting", ["profile", "comment"])
def test_an_answer_that_is_lost_and_seen_late(tmp_path: Path, worker_url: str, hosting: str):
    """The answer to the bot's POST is lost, and its comment is in the thread only two seconds later."""
    with RedditDouble() as reddit:
        reddit.world.lag_seconds = 2
        reddit.world.subreddit("pics", media_in_comments=("static",))
        with stage(tmp_path, worker_url, reddit=reddit, REDDIT__HOSTING=hosting) as staged:
            for kind in LOST:
                summons = staged.summon(staged.post())
                reddit.faults.order(Fault(kind, "oauth:/api/comment", thread=summons.submission.fullname))
                if hosting == "profile":
                    reddit.faults.order(Fault(kind, "oauth:/api/submit"))
            letter = reddit.message(f"colorizebot {reddit.studio.host('x.jpg', staged.photo())}", author="jim")
            reddit.faults.order(Fault(Kind.BAD_GATEWAY_AFTER, "/api/comment", when=lambda c: "t4_" in str(c.form)))
            staged.answer(letter)
            staged.answered_all()
            staged.until(lambda: staged.bot.log.read_text().count("finished: answered") >= 4, "everything to be noted")
            staged.check()
            assert staged.stray_posts() == []


def test_a_terse_reddit(tmp_path: Path, worker_url: str):
    with RedditDouble() as reddit:
        reddit.taciturn = True
        reddit.world.subreddit("pics", media_in_comments=("static",), moderators={"Judge"})
        with stage(tmp_path, worker_url, reddit=reddit, subreddits=("pics", "words")) as staged:
            gallery = reddit.posts.gallery("words", [staged.photo(50, 40), staged.photo(40, 50)])
            crosspost = reddit.posts.crosspost("words", staged.post("far"))
            posts = [staged.post(), staged.post("words"), gallery, crosspost]
            summonses = [staged.summon(post, author=f"person{number}") for number, post in enumerate(posts)]
            summonses.append(staged.summon(staged.post("faraway"), "u/colorizebot", author="zoe"))
            for summons in summonses:
                assert chroma_of(staged.pictures(staged.answer(summons))[0]) > 1
            answer = staged.answer(summonses[0])
            staged.silent(reddit.comment(answer, "delete", author="Judge"))
            staged.until(lambda: not reddit.answers_to(summonses[0]), "the answer to be deleted")
            staged.check()


def test_muddled_listings(tmp_path: Path, worker_url: str):
    with RedditDouble() as reddit, stage(tmp_path, worker_url, reddit=reddit) as staged:
        for kind in (Kind.SHUFFLED, Kind.REPEATED):
            reddit.faults.order(Fault(kind, "oauth:/(r/pics/comments|message/unread)$", times=1000))
        post = staged.post()
        for number in range(40):
            staged.summon(post, "colorizebot" if number % 2 else "u/colorizebot", author=f"person{number}")
            if number % 10 == 0:
                reddit.delete(reddit.comment(post, "an anchor that goes away"))
        staged.check()


def test_a_silent_websocket_and_a_failing_upload(tmp_path: Path, worker_url: str):
    with RedditDouble() as reddit, stage(tmp_path, worker_url, reddit=reddit, REDDIT__HOSTING="profile") as staged:
        reddit.studio.silent = True
        first = staged.answer(staged.summon(staged.post()))
        assert len(reddit.own()[1]) == 1
        assert reddit.own()[1][0].id in first.body
        reddit.studio.silent, reddit.studio.loses_posts = False, True
        assert staged.answer(staged.summon(staged.post())).body
        staged.check()


def test_reddit_tells_it_to_take_a_break(tmp_path: Path, worker_url: str):
    with RedditDouble() as reddit, stage(tmp_path, worker_url, reddit=reddit, REDDIT__HOSTING="web") as staged:
        reddit.faults.order(Fault(Kind.RATELIMIT, "oauth:/api/comment", seconds=7, times=2))
        reddit.faults.order(Fault(Kind.TOO_MANY_BARE, "oauth:/api/comment", times=2))
        for _ in range(3):
            staged.summon(staged.post())
        staged.check()


def test_a_quarantined_community_names_no_comment(tmp_path: Path, worker_url: str):
    with RedditDouble() as reddit, stage(tmp_path, worker_url, reddit=reddit, REDDIT__HOSTING="web") as staged:
        reddit.world.subreddit("pics", quarantined=True)
        assert staged.pictures(staged.answer(staged.summon(staged.post())))
        staged.until(lambda: "finished: answered" in staged.bot.log.read_text(), "the answer to be noted")
        staged.check()
