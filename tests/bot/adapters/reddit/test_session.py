"""The manners of every request, with the real PRAW against the loopback Reddit."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import praw
import prawcore
import pytest
from pydantic import SecretStr

from bot.adapters import TryLater
from bot.adapters.reddit import reading
from bot.adapters.reddit.pace import Pace
from bot.adapters.reddit.session import LoginRefused, sign_in, user_agent
from bot.adapters.reddit.troubles import TROUBLES, describe, seconds_in, try_later
from bot.adapters.reddit.workers import Workers
from bot.settings import RedditSettings
from tests.bot.adapters.reddit.conftest import settings_for
from tests.platforms.reddit import Fault, Kind, RedditDouble


@pytest.fixture
def signed_in(reddit: RedditDouble) -> Iterator[praw.Reddit]:
    with sign_in(settings_for(reddit), Pace(), threading.Event()) as made:
        yield made


AMBIGUOUS = [
    Kind.SERVER_ERROR,
    Kind.BAD_GATEWAY_BEFORE,
    Kind.BAD_GATEWAY_AFTER,
    Kind.DISCONNECT_BEFORE,
    Kind.DISCONNECT_AFTER,
    Kind.MALFORMED,
    Kind.TRUNCATED,
    Kind.HTML,
]


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_a_comment_is_never_sent_twice(reddit: RedditDouble, signed_in: praw.Reddit, kind: Kind):
    summons = reddit.comment(reddit.posts.text("pics", "hello"), "colorizebot")
    reddit.faults.order(Fault(kind, "/api/comment", times=10))
    with pytest.raises(TROUBLES):
        signed_in.comment(summons.id).reply("here")
    assert len(reddit.calls("/api/comment", "POST")) == 1
    assert len(reddit.answers_to(summons)) == kind.after


@pytest.mark.parametrize(
    "kind", [Kind.SERVER_ERROR, Kind.BAD_GATEWAY_BEFORE, Kind.DISCONNECT_BEFORE, Kind.UNAUTHORIZED]
)
def test_reading_is_repeated(reddit: RedditDouble, signed_in: praw.Reddit, kind: Kind):
    reddit.faults.order(Fault(kind, "/api/v1/me", times=1))
    assert reading.own_name(signed_in) == reddit.name


def test_a_comment_is_sent_again_with_a_new_token(reddit: RedditDouble, signed_in: praw.Reddit):
    summons = reddit.comment(reddit.posts.text("pics", "hello"), "colorizebot")
    assert reading.own_name(signed_in)
    reddit.tokens.revoke_all()
    assert signed_in.comment(summons.id).reply("here")
    assert len(reddit.answers_to(summons)) == 1


@pytest.mark.parametrize("change", [{"password": SecretStr("wrong")}, {"client_secret": SecretStr("wrong")}])
def test_wrong_credentials_are_told_by_the_settings_names(reddit: RedditDouble, change: dict[str, SecretStr]):
    made = sign_in(settings_for(reddit, **change), Pace(), threading.Event())
    with made, pytest.raises((LoginRefused, prawcore.OAuthException)) as refused:
        reading.own_name(made)
    assert "COLORIZEBOT_REDDIT__CLIENT_ID" in describe(refused.value)
    assert "wrong" not in describe(refused.value)


def test_a_refresh_token_instead_of_a_password(reddit: RedditDouble):
    token = SecretStr(reddit.credentials.refresh_token)
    settings = settings_for(reddit, password=None, refresh_token=token)
    with sign_in(settings, Pace(), threading.Event()) as made:
        assert reading.own_name(made) == reddit.name


def test_the_user_agent_is_as_the_rules_ask(reddit: RedditDouble, signed_in: praw.Reddit):
    reading.own_name(signed_in)
    assert reddit.complaints == []
    assert user_agent(RedditSettings(user_agent="mine:of:v1 (by u/me)")) == "mine:of:v1 (by u/me)"


def test_nobody_asks_while_nothing_is_left(reddit: RedditDouble):
    class Unwaited(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pytest.fail(f"it waits for {timeout} s")

    with sign_in(settings_for(reddit), Pace(), Unwaited()) as made:
        reading.own_name(made)
        reddit.rate.exhaust(60)
        reddit.faults.order(Fault(Kind.TOO_MANY, "/api/v1/me", seconds=60))
        with pytest.raises(prawcore.TooManyRequests):
            reading.own_name(made)
        began = time.monotonic()
        with pytest.raises(TryLater) as later:
            reading.own_name(made)
        assert time.monotonic() - began < 30
    assert (later.value.retry_after or 0) > 30
    assert len(reddit.calls("/api/v1/me")) == 2
    assert reddit.complaints == []


def test_no_request_begins_once_the_bot_stops(reddit: RedditDouble):
    stopping = threading.Event()
    with sign_in(settings_for(reddit), Pace(), stopping) as made:
        reading.own_name(made)
        stopping.set()
        with pytest.raises(TryLater):
            reading.own_name(made)
    assert len(reddit.calls("/api/v1/me")) == 1


@pytest.mark.parametrize(
    ("sentence", "seconds"),
    [
        ("Looks like you've been doing that a lot. Take a break for 5 minutes before trying again.", 300.0),
        ("You are doing that too much. Try again in 6 seconds.", 6.0),
        ("Take a break for 1 hour.", 3600.0),
        ("Take a break for 3 milliseconds.", 0.003),
        ("You are doing that too much.", None),
    ],
)
def test_how_long_to_wait(sentence: str, seconds: float | None):
    assert seconds_in(sentence) == seconds


async def test_each_thread_has_a_reddit_of_its_own(reddit: RedditDouble):
    made: list[threading.Thread] = []
    all_at_it = threading.Barrier(3)

    def make(stopping: threading.Event) -> praw.Reddit:
        made.append(threading.current_thread())
        return sign_in(settings_for(reddit), Pace(), stopping)

    def name_of(session: praw.Reddit) -> str:
        all_at_it.wait(60)
        return reading.own_name(session)

    workers = Workers("test", 3, make)
    assert await asyncio.gather(*(workers.call(name_of) for _ in range(3))) == [reddit.name] * 3
    workers.close()
    for thread in made:
        thread.join(60)
    assert len(set(made)) == 3
    assert not any(thread.is_alive() for thread in made)
    assert await workers.call(reading.own_name) == reddit.name  # others take over
    workers.close()


async def test_troubles_say_to_try_later_and_others_come_as_they_are(reddit: RedditDouble):
    workers = Workers("test", 1, lambda stopping: sign_in(settings_for(reddit), Pace(), stopping))
    reddit.faults.order(Fault(Kind.MALFORMED, "/api/v1/me", times=1))
    with pytest.raises(TryLater, match="not JSON"):
        await workers.call(reading.own_name)

    def stumble(_reddit: praw.Reddit) -> None:
        raise RuntimeError("a mistake of ours")

    with pytest.raises(RuntimeError, match="ours"):
        await workers.call(stumble)
    assert await workers.call(reading.own_name) == reddit.name
    workers.close()


def test_a_trouble_is_described_without_what_people_wrote():
    error = praw.exceptions.RedditAPIException([["THREAD_LOCKED", "ann's thread is locked", "parent"]])
    assert str(try_later(error)) == "Reddit declined: THREAD_LOCKED"
