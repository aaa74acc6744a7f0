from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.reddit import RedditAdapter
from bot.settings import Hosting, RedditSettings, Settings, WebSettings
from bot.vocabulary import Answer, ImageKind, ImageReference, Request, ResultPicture
from inference.vocabulary import InputKind
from tests.bot.stand_ins import House, open_house
from tests.platforms.reddit import RedditDouble
from tests.platforms.reddit.things import Comment, Message

DATA = Path(__file__).parents[3] / "data" / "reddit"


def recorded(name: str) -> Any:
    """Return one of Reddit's own answers, as recorded."""
    return json.loads((DATA / f"{name}.json").read_text())


@pytest.fixture
def reddit() -> Iterator[RedditDouble]:
    with RedditDouble() as double:
        double.world.subreddit("pics")
        yield double


def settings_for(reddit: RedditDouble, **more: Any) -> RedditSettings:
    known = reddit.credentials
    return RedditSettings(
        **{
            "client_id": known.client_id,
            "client_secret": known.client_secret,
            "username": known.username,
            "password": known.password,
            "reddit_url": reddit.url,
            "oauth_url": reddit.oauth_url,
            "subreddits": ("pics",),
            "poll_seconds": 0.05,
            **more,
        }
    )


class Desk:
    """The Reddit adapter with the bot's parts around it; requests are brought to where a test wants them by hand."""

    def __init__(self, house: House, adapter: RedditAdapter, reddit: RedditDouble) -> None:
        self.parts = house.parts
        self.adapter = adapter
        self.reddit = reddit

    async def taken(self, thing: Comment | Message, **about: Any) -> Request:
        """Take a request for a comment, as the stream would, and begin work on it."""
        comment = isinstance(thing, Comment)
        request = Request(
            platform="reddit",
            message_id=thing.fullname,
            conversation=thing.submission.fullname if comment else thing.fullname,
            requester=str(thing.author).lower(),
            community=thing.submission.subreddit.name.lower() if comment else None,
            images=(),
            context={"permalink": thing.permalink, "subreddit": thing.submission.subreddit.name} if comment else {},
            **about,
        )
        await self.parts.intake.take(request)
        await self.parts.ledger.claim(request.id)
        return request

    async def located(self, thing: Comment, **about: Any) -> Request:
        """Take a request, and find its photos."""
        request = await self.taken(thing, **about)
        found = await self.adapter.locate(request)
        located = await self.parts.ledger.located(request.id, found.images, found.context)
        assert located is not None
        return located

    async def recolored(self, request: Request, *photos: bytes) -> Answer:
        """Put results into the storage."""
        results = []
        for index, photo in enumerate(photos or (b"a photo in color",)):
            await self.parts.storage.save_input(request.id, index, b"a photo")
            await self.parts.storage.save_picture(request.id, f"result-{index}.jpg", photo)
            results.append(ResultPicture(index, f"result-{index}.jpg", "image/jpeg", 64, 48, InputKind.GRAY))
        answer = Answer(tuple(results), "stand-in")
        assert await self.parts.ledger.decided(request.id, answer)
        return answer

    async def current(self, request: Request) -> Request:
        """Return a request with all that was noted meanwhile, as the next attempt sees it."""
        entry = await self.parts.ledger.by_id(request.id)
        assert entry is not None
        return entry.request


@asynccontextmanager
async def open_desk(folder: Path, reddit: RedditDouble, **more: Any) -> AsyncIterator[Desk]:
    settings = Settings(
        reddit=settings_for(reddit, **{"hosting": Hosting.WEB, **more}),
        web=WebSettings(public_url="https://color.example"),
    )
    async with open_house(folder, settings) as house:
        adapter = RedditAdapter(house.parts)
        try:
            yield Desk(house, adapter, reddit)
        finally:
            adapter.close()


@pytest.fixture
async def desk(tmp_path: Path, reddit: RedditDouble) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path, reddit) as opened:
        yield opened


def link(location: str) -> ImageReference:
    return ImageReference(ImageKind.URL, location)
