"""Logging in, the limits on how often, and what the loopback Reddit complains about."""

from __future__ import annotations

import http.client
import time
from contextlib import closing
from urllib.parse import urlsplit

import praw
import pytest
import requests
from prawcore.exceptions import OAuthException, ResponseException

from tests.platforms.reddit import Fault, Kind, RateLimit, RedditDouble
from tests.platforms.reddit.accounts import log_in


def test_password_and_refresh_token(praw_reddit: praw.Reddit, reddit: RedditDouble):
    assert praw_reddit.user.me().name == "colorizebot"
    assert log_in(reddit, with_refresh_token=True).user.me().name == "colorizebot"
    with pytest.raises(OAuthException):
        log_in(reddit, password="wrong").user.me()
    with pytest.raises(ResponseException):
        log_in(reddit, client_secret="wrong").user.me()
    assert reddit.complaints == []


def test_a_token_that_ran_out_is_renewed(praw_reddit: praw.Reddit, reddit: RedditDouble):
    praw_reddit.user.me()
    reddit.tokens.revoke_all()
    assert praw_reddit.user.me(use_cache=False).name == "colorizebot"
    assert [call.status for call in reddit.calls("/api/v1/me")] == [200, 401, 200]


def test_bad_manners_are_noted(reddit: RedditDouble):
    assert requests.get(f"{reddit.oauth_url}/api/v1/me", timeout=60).status_code == 429
    named = {"User-Agent": "python:x:1.0 (by u/somebody)"}
    assert requests.get(f"{reddit.oauth_url}/api/v1/me", headers=named, timeout=60).status_code == 401
    assert len(reddit.complaints) == 2


def test_two_calls_at_once_are_noted_unless_nobody_waits_for_the_first(praw_reddit: praw.Reddit, reddit: RedditDouble):
    praw_reddit.user.me()
    authorization = reddit.calls("/api/v1/me")[0].authorization

    headers = {"User-Agent": "python:x:1.0 (by u/somebody)", "Authorization": authorization}

    def call(seconds: float) -> int:
        return requests.get(f"{reddit.oauth_url}/api/v1/me", headers=headers, timeout=seconds).status_code

    reddit.faults.order(Fault(Kind.SLOW, "/api/v1/me", times=20, seconds=30))
    for _ in range(19):
        with pytest.raises(requests.ReadTimeout):
            call(0.1)
    assert reddit.complaints == []
    site = urlsplit(reddit.oauth_url)
    with closing(http.client.HTTPConnection(str(site.hostname), site.port)) as waiting:
        waiting.request("GET", "/api/v1/me", headers=headers)
        while len(reddit.calls("/api/v1/me")) < 21:
            time.sleep(0.01)
        assert call(60) == 200
    assert len(reddit.complaints) == 1


def test_praw_keeps_to_the_rate_limit(praw_reddit: praw.Reddit, reddit: RedditDouble):
    reddit.rate.calls, reddit.rate.window = 3, 2
    reddit.rate.exhaust(0)
    time.sleep(0.1)
    for _ in range(4):
        praw_reddit.user.me(use_cache=False)
    assert reddit.complaints == []


def test_the_headers_count_down(praw_reddit: praw.Reddit, reddit: RedditDouble):
    praw_reddit.user.me()
    first = reddit.rate.headers()
    praw_reddit.user.me(use_cache=False)
    second = reddit.rate.headers()
    assert float(first["x-ratelimit-remaining"]) - float(second["x-ratelimit-remaining"]) == 1
    assert RateLimit(10).headers()["x-ratelimit-remaining"] == "10.0"
