from __future__ import annotations

from collections.abc import Iterator

import praw
import pytest

from tests.end_to_end.photos import gray_photo
from tests.platforms.reddit import RedditDouble
from tests.platforms.reddit.accounts import log_in


@pytest.fixture
def reddit() -> Iterator[RedditDouble]:
    with RedditDouble() as double:
        yield double


@pytest.fixture
def praw_reddit(reddit: RedditDouble, monkeypatch: pytest.MonkeyPatch) -> praw.Reddit:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", reddit.authority)
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", reddit.authority)
    return log_in(reddit)


@pytest.fixture(scope="session")
def photo() -> bytes:
    return gray_photo(64, 48)
