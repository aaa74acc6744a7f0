"""The real PRAW, logged in at the loopback Reddit."""

from __future__ import annotations

import praw

from tests.platforms.reddit.server import RedditDouble

USER_AGENT = "python:org.example.colorizebot:v1.0 (by /u/somebody)"


def log_in(reddit: RedditDouble, *, with_refresh_token: bool = False, **other: str) -> praw.Reddit:
    known = reddit.credentials
    secret = (
        {"refresh_token": known.refresh_token}
        if with_refresh_token
        else {"username": known.username, "password": known.password}
    )
    return praw.Reddit(
        **{
            "client_id": known.client_id,
            "client_secret": known.client_secret,
            "user_agent": USER_AGENT,
            "reddit_url": reddit.url,
            "oauth_url": reddit.oauth_url,
            "check_for_updates": False,
            **secret,
            **other,
        }
    )
