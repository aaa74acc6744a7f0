"""Posts on the bot's own profile, which hold results where a community has no pictures in comments.

Reddit tells the id of such a post through a websocket that may fail although the post is there, so a title carries a
marker, and after any trouble the post is looked up by it. Another try is made only when it stays unseen for a while.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import praw
import prawcore
from praw.exceptions import MediaPostFailed, RedditAPIException
from praw.models import PostMedia, Submission

from bot.adapters import TakenBack, TryLater
from bot.adapters.reddit import reading, wording
from bot.adapters.reddit.things import id_of, text
from bot.adapters.reddit.troubles import TROUBLES, describe
from bot.adapters.reddit.uploads import NotPossible, Upload, not_possible, upload_for_post
from bot.adapters.reddit.workers import Workers
from bot.ledger import Ledger
from bot.vocabulary import Request

_log = logging.getLogger(__name__)

POST = "profile_post"
"""In a request's context: the post's fullname."""
_TRIED_AT = "profile_tried_at"
_TRIES = "profile_tries"

_MAX_TRIES = 3
_WEBSOCKET_SECONDS = 8
_UNSEEN_SECONDS = 15.0
"""How long a post may stay out of sight after it was made."""
_LOOK_PAUSE_SECONDS = 3.0


def is_begun(request: Request) -> bool:
    """Tell whether a post for this request is there, or may be."""
    return bool(request.context.get(POST) or request.context.get(_TRIES))


class ProfilePosts:
    """Makes one post for each request."""

    def __init__(self, workers: Workers, ledger: Ledger) -> None:
        """Note in the ledger what was tried, before it is."""
        self._workers = workers
        self._ledger = ledger

    async def post(self, request: Request, uploads: Sequence[Upload], own_name: str) -> str:
        """Post results, or find them posted; return the post's fullname. Raises ``NotPossible`` and ``TryLater``."""
        if isinstance(known := request.context.get(POST), str):
            return known
        marker = id_of(request.message_id)
        fullname = None
        if request.context.get(_TRIES):
            fullname = await self._find(request, marker, own_name)
        if fullname is None:
            fullname = await self._try(request, uploads, marker, own_name)
        await self._note(request, {POST: fullname})
        return fullname

    async def take_back(self, request: Request) -> None:
        """Delete the post of a request that is not to be answered: nobody could ask for that later on."""
        entry = await self._ledger.by_id(request.id)
        post = (request if entry is None else entry.request).context.get(POST)
        if isinstance(post, str):
            await self._workers.call(reading.remove, post)
            await self._ledger.noted(request.id, {POST: None})

    async def _try(self, request: Request, uploads: Sequence[Upload], marker: str, own_name: str) -> str:
        tries = int(request.context.get(_TRIES) or 0) + 1
        if tries > _MAX_TRIES:
            raise NotPossible("a post on the profile failed several times")
        await self._note(request, {_TRIES: tries, _TRIED_AT: time.time()})
        post = _Post(wording.title(str(request.context.get("title") or ""), marker), tuple(uploads), request.context)
        if (fullname := await self._workers.call(_submit, post, own_name)) is not None:
            return fullname
        await asyncio.sleep(_LOOK_PAUSE_SECONDS)
        if (fullname := await self._look(marker, own_name)) is not None:
            return fullname
        raise TryLater("it isn't known yet whether the post on the profile is there", retry_after=_LOOK_PAUSE_SECONDS)

    async def _find(self, request: Request, marker: str, own_name: str) -> str | None:
        fullname = await self._look(marker, own_name)
        unseen_for = time.time() - float(request.context.get(_TRIED_AT) or 0.0)
        if fullname is None and unseen_for < _UNSEEN_SECONDS:
            raise TryLater("the post on the profile isn't to be seen yet", retry_after=_LOOK_PAUSE_SECONDS)
        return fullname

    async def _look(self, marker: str, own_name: str) -> str | None:
        posts = await self._workers.call(reading.own_submissions, own_name)
        if posts is None:
            raise NotPossible("Reddit doesn't list the profile's posts")
        return next((text(post, "name") for post in posts if text(post, "title").endswith(f"({marker})")), None)

    async def _note(self, request: Request, context: dict[str, Any]) -> None:
        if await self._ledger.noted(request.id, context) is None:
            raise TakenBack("it was deleted")


@dataclass(frozen=True, slots=True)
class _Post:
    title: str
    uploads: tuple[Upload, ...]
    context: Any


def _submit(reddit: praw.Reddit, post: _Post, own_name: str) -> str | None:
    """Submit pictures; return the post's fullname, ``None`` when it isn't known whether it is there.

    Raises ``NotPossible`` and ``TryLater`` when it surely isn't.
    """
    profile = reddit.subreddit(f"u_{own_name}")
    nsfw, spoiler = bool(post.context.get("nsfw")), bool(post.context.get("spoiler"))
    first, *more = uploaded = upload_for_post(reddit, post.uploads)
    made: Submission | None
    try:
        if more:
            gallery: list[PostMedia | dict[str, str | PostMedia]] = [*uploaded]
            made = profile.submit(post.title, gallery=gallery, nsfw=nsfw, spoiler=spoiler, send_replies=False)
        else:
            made = profile.submit(
                post.title, image=first, nsfw=nsfw, spoiler=spoiler, send_replies=False, timeout=_WEBSOCKET_SECONDS
            )
    except (MediaPostFailed, RedditAPIException, prawcore.Forbidden, prawcore.NotFound, prawcore.BadRequest) as error:
        raise not_possible(error) from error
    except TROUBLES as error:
        _log.warning("reddit: a post on the profile may be there or not: %s", describe(error))
        return None
    return None if made is None else f"t3_{made.id}"
