"""Every kind of fault, as the real PRAW meets it."""

from __future__ import annotations

import functools
import time

import praw
import pytest
from praw.exceptions import RedditAPIException
from prawcore.exceptions import BadJSON, Forbidden, RequestException, ServerError, TooManyRequests
from prawcore.sessions import FiniteRetryStrategy

from tests.platforms.reddit import Fault, Kind, RedditDouble

SEEN = {
    Kind.TOO_MANY: TooManyRequests,
    Kind.TOO_MANY_BARE: TooManyRequests,
    Kind.SERVER_ERROR: ServerError,
    Kind.BAD_GATEWAY_BEFORE: ServerError,
    Kind.BAD_GATEWAY_AFTER: ServerError,
    Kind.DISCONNECT_BEFORE: RequestException,
    Kind.DISCONNECT_AFTER: RequestException,
    Kind.MALFORMED: BadJSON,
    Kind.HTML: ServerError,
    Kind.TRUNCATED: RequestException,
    Kind.SLOW: RequestException,
    Kind.FORBIDDEN: Forbidden,
    Kind.RATELIMIT: RedditAPIException,
}


@pytest.mark.parametrize("kind", SEEN)
def test_a_reply_that_fails(
    kind: Kind, praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes, monkeypatch: pytest.MonkeyPatch
):
    summons = reddit.comment(reddit.posts.image("pics", photo), "colorizebot")
    fault = reddit.faults.order(Fault(kind, "oauth:/api/comment", thread=summons.submission.fullname, seconds=30))
    praw_reddit._core._retry_strategy_class = NoRetries
    if kind is Kind.SLOW:
        monkeypatch.setattr(praw_reddit._core, "request", functools.partial(praw_reddit._core.request, timeout=0.3))
    with pytest.raises(SEEN[kind]):
        praw_reddit.comment(summons.id).reply("x")
    while kind is Kind.SLOW and not reddit.answers_to(summons):
        time.sleep(0.01)  # it may have given up before Reddit came to it
    assert len(fault.hits) == 1
    assert len(reddit.answers_to(summons)) == kind.after


class NoRetries(FiniteRetryStrategy):
    """With ``retries=0`` prawcore would sleep for two seconds before the first try already."""

    def should_retry_on_failure(self) -> bool:
        return False


def test_praw_itself_answers_twice_when_a_reply_is_lost(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    summons = reddit.comment(reddit.posts.image("pics", photo), "colorizebot")
    reddit.faults.order(Fault(Kind.BAD_GATEWAY_AFTER, "oauth:/api/comment"))
    praw_reddit.comment(summons.id).reply("x")
    assert len(reddit.answers_to(summons)) == 2


def test_mixed_up_listings(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    post = reddit.posts.image("pics", photo)
    said = [reddit.comment(post, f"{number}").id for number in range(8)]
    reddit.faults.order(Fault(Kind.SHUFFLED, "oauth:/r/pics/comments"))
    reddit.faults.order(Fault(Kind.REPEATED, "oauth:/r/pics/comments"))
    shuffled = [comment.id for comment in praw_reddit.subreddit("pics").comments()]
    assert sorted(shuffled) == said
    assert shuffled != said[::-1]
    assert len(list(praw_reddit.subreddit("pics").comments())) > 8


def test_chance_is_the_same_for_the_same_seed(praw_reddit: praw.Reddit, reddit: RedditDouble):
    def strikes() -> list[Kind]:
        reddit.faults.by_chance.clear()
        reddit.faults.at_random(5, 0.5, (Kind.HTML, Kind.MALFORMED))
        praw_reddit._core._retry_strategy_class = NoRetries
        for _ in range(20):
            try:
                praw_reddit.user.me(use_cache=False)
            except (ServerError, BadJSON):
                continue
        return [kind for kind, _ in reddit.faults.by_chance]

    assert strikes()[1:5] == strikes()[1:5]
