"""What the bot does across its starts and stops, and each way to host a result."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.end_to_end.photos import chroma_of
from tests.end_to_end.reddit.stage import stage
from tests.platforms.reddit import RedditDouble


def test_what_was_posted_while_it_was_down_is_picked_up(tmp_path: Path, worker_url: str):
    with RedditDouble() as reddit:
        with stage(tmp_path, worker_url, reddit=reddit) as first:
            answered = first.summon(first.post())
            first.answer(answered)
            assert first.bot.stop() == 0
        seen = first.post()
        missed = [reddit.comment(seen, "colorizebot", author="ann"), reddit.comment(first.post("far"), "u/colorizebot")]
        old = reddit.comment(first.post(), "colorizebot", author="bob")
        old.created -= 30 * 3600
        for number in range(120):
            reddit.comment(seen, f"chatter {number}", author="bob")
        with stage(tmp_path, worker_url, reddit=reddit) as second:
            second.expected = {**first.expected}
            second.silent(old)
            for comment in missed:
                second.answer(comment)
            second.check()


@pytest.mark.parametrize("hosting", ["comment", "profile", "web"])
def test_each_way_to_host(tmp_path: Path, worker_url: str, hosting: str):
    with RedditDouble() as reddit:
        reddit.world.subreddit("pics", media_in_comments=("static",))
        with stage(tmp_path, worker_url, reddit=reddit, REDDIT__HOSTING=hosting) as staged:
            answer = staged.answer(staged.summon(staged.post()))
            assert chroma_of(staged.pictures(answer)[0]) > 1
            assert bool(answer.pictures) is (hosting == "comment")
            assert len(reddit.own()[1]) == (hosting == "profile")
            staged.check()


def test_a_refused_login_is_told_to_the_operator_and_tried_gently(tmp_path: Path, worker_url: str):
    """Reddit's token endpoint says no now and then without meaning it, so the bot doesn't give up."""
    with RedditDouble() as reddit, stage(tmp_path, worker_url, reddit=reddit, REDDIT__PASSWORD="mistyped") as staged:
        staged.until(lambda: "COLORIZEBOT_REDDIT__CLIENT_ID" in staged.bot.log.read_text(), "a word to the operator")
        summons = staged.summon(staged.post())
        time.sleep(3)
        assert len(reddit.calls("/api/v1/access_token")) < 8
        assert "mistyped" not in staged.bot.log.read_text()
        reddit.credentials.password = "mistyped"
        staged.answer(summons)
        staged.check()


def test_its_token_runs_out(tmp_path: Path, worker_url: str):
    with RedditDouble(token_lifetime=2) as reddit, stage(tmp_path, worker_url, reddit=reddit) as staged:
        for _ in range(3):
            staged.answer(staged.summon(staged.post()))
            reddit.tokens.revoke_all()
        staged.check()


def test_it_keeps_to_a_tight_rate_limit(tmp_path: Path, worker_url: str):
    with RedditDouble() as reddit:
        reddit.rate.calls, reddit.rate.window = 20, 5
        reddit.rate.exhaust(0)
        with stage(tmp_path, worker_url, reddit=reddit) as staged:
            for author in ("ann", "bob"):
                staged.answer(staged.summon(staged.post(), author=author))
            staged.check()
