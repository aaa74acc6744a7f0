"""Finding the photos of a request on Reddit, and noticing when somebody asked for the same ones before."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.adapters import Located, Refused, TryLater
from bot.adapters.reddit import images, reading, wording
from bot.adapters.reddit.images import Seen, StillProcessing
from bot.adapters.reddit.standing import Standing
from bot.adapters.reddit.things import Comment, Data, Thread, text
from bot.adapters.reddit.workers import Workers
from bot.assembly import Parts
from bot.vocabulary import Entry, ImageKind, ImageReference, Refusal, Request, State

_PLATFORM = "reddit"
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_GALLERY_PATIENCE = timedelta(minutes=10)
_GALLERY_PAUSE_SECONDS = 5.0
_TURN_PAUSE_SECONDS = 2.0
_MAX_CLIMBS = 12
"""How often more ancestors are asked for; each time Reddit shows up to eight."""
_MAX_CLAIMS = 10_000


class Locator:
    """Finds photos; the walk itself is in `images`."""

    def __init__(self, parts: Parts, workers: Workers, standing: Standing) -> None:
        """Read through ``workers``."""
        self._parts = parts
        self._workers = workers
        self._standing = standing
        self._firsts = _Firsts(parts, self._is_to_be_seen)

    async def locate(self, request: Request) -> Located:
        """Return the photos of a request.

        Raises ``TryLater``, ``TakenBack`` when it was deleted or asks no longer, and ``Refused``.
        """
        if not request.message_id.startswith("t1_"):
            return await self._for_message(request)
        standing = await self._standing.read(request)
        seen, submission = await self._look(standing.summons, standing.thread, standing.own_name)
        located = self._located(request, self._chosen(request, seen), submission)
        if not request.images and (first := await self._firsts.before(request, located.images)) is not None:
            raise Refused(wording.already_answered(self._link_to(first)))
        return located

    async def _for_message(self, request: Request) -> Located:
        post = request.context.get("about")
        if not isinstance(post, str):
            return Located(request.images)
        submission = await self._workers.call(reading.submission_of, post)
        seen = None if submission is None else await self._in_submission(submission, request.created)
        return self._located(request, self._chosen(request, seen), submission or {})

    async def _look(self, summons: Comment, thread: Thread, own_name: str) -> tuple[Seen, Data]:
        """Look at the summons, a post that it links to, the comments above it, and its post, in this order."""
        seen = await asyncio.to_thread(images.in_summons, summons)
        if seen is None and (post := await asyncio.to_thread(images.submission_linked, summons.body)) is not None:
            linked = await self._workers.call(reading.submission_of, post)
            if linked is not None and (seen := await self._in_submission(linked, summons.created)) is not None:
                return seen, linked
        if seen is None:
            seen = await self._above(summons, thread, own_name)
        if seen is None:
            seen = await self._in_submission(thread.submission, summons.created)
        return seen, thread.submission

    async def _above(self, summons: Comment, thread: Thread, own_name: str) -> Seen:
        comments, chain = dict(thread.comments), [summons]
        for _ in range(_MAX_CLIMBS):
            while (parent := comments.get(chain[-1].parent)) is not None and parent not in chain:
                chain.append(parent)
            answered = await self._answered(chain, own_name)
            if (seen := await asyncio.to_thread(images.in_comments, chain, own_name, answered)) is not None:
                return seen
            if not chain[-1].parent.startswith("t1_") or not await self._climb(chain[-1], comments):
                return None
        return None

    async def _climb(self, comment: Comment, comments: dict[str, Comment]) -> bool:
        """Add the comments above one; return whether there is any."""
        further = await self._workers.call(reading.thread_of, comment.submission, comment.parent)
        comments.update(further.comments)
        if comment.parent not in comments:
            parent = await self._workers.call(reading.comment_of, comment.parent)
            if parent is not None:
                comments[parent.fullname] = parent
        return comment.parent in comments

    async def _answered(self, chain: list[Comment], own_name: str) -> Mapping[str, tuple[str, ...]]:
        """Return the photos of the bot's own answers in a chain, by the answers' fullnames."""
        own = [comment.fullname for comment in chain if (comment.author or "").lower() == own_name.lower()]
        entries = {answer: await self._parts.ledger.by_answer(_PLATFORM, answer) for answer in own}
        return {
            answer: tuple(image.location for image in entry.request.images)
            for answer, entry in entries.items()
            if entry is not None
        }

    async def _in_submission(self, submission: Data, asked: datetime) -> Seen:
        try:
            return await asyncio.to_thread(images.in_submission, submission)
        except StillProcessing:
            if datetime.now(UTC) - asked > _GALLERY_PATIENCE:
                return wording.STILL_PROCESSING
            raise TryLater("Reddit still processes the gallery", retry_after=_GALLERY_PAUSE_SECONDS) from None

    def _chosen(self, request: Request, seen: Seen) -> tuple[str, ...]:
        """Return the links to use. Raises ``Refused`` when there are none."""
        if isinstance(seen, Refusal):
            raise Refused(seen)
        if seen is None:
            raise Refused(wording.NO_PICTURES)
        return seen.instead if request.images and seen.instead else seen.links

    def _located(self, request: Request, links: tuple[str, ...], submission: Data) -> Located:
        most = self._parts.settings.limits.max_pictures
        context: dict[str, Any] = {
            "nsfw": submission.get("over_18") is True,
            "spoiler": submission.get("spoiler") is True,
            "title": text(submission, "title"),
            "pictures": min(len(links), most),
        }
        if len(links) > most:
            context["more_pictures"] = len(links)
        return Located(tuple(ImageReference(ImageKind.URL, link) for link in links[:most]), context)

    async def _is_to_be_seen(self, entry: Entry) -> bool:
        """Return whether an answer is still there: moderators may have removed it."""
        if entry.answer_id is None:
            return False
        comment = await self._workers.call(reading.comment_of, entry.answer_id)
        return comment is not None and not comment.gone

    def _link_to(self, entry: Entry) -> str:
        permalink = str(entry.request.context.get("permalink", "")).rstrip("/")
        answer = (entry.answer_id or "").split("_", 1)[-1]
        return f"{self._parts.settings.reddit.reddit_url}{permalink.rsplit('/', 1)[0]}/{answer}/"


class _Firsts:
    """Who was the first to ask for the same photos, with the same options, below the same post.

    The ledger knows once the photos are noted; until then, what this process has found counts.
    """

    def __init__(self, parts: Parts, is_to_be_seen: Callable[[Entry], Awaitable[bool]]) -> None:
        self._ledger = parts.ledger
        self._is_to_be_seen = is_to_be_seen
        self._claims: OrderedDict[tuple[Any, ...], str] = OrderedDict()
        self._one_by_one = asyncio.Lock()

    async def before(self, request: Request, found: tuple[ImageReference, ...]) -> Entry | None:
        """Return who was answered before, as everybody can still see; ``None`` for the first one.

        Raises ``TryLater`` while that isn't known.
        """
        claim = (request.conversation, found, request.options)
        async with self._one_by_one:
            for entry in await self._others(request, found, self._claims.get(claim)):
                if entry.state is not State.ANSWERED:
                    raise TryLater("somebody asked for the same photo just before", retry_after=_TURN_PAUSE_SECONDS)
                if await self._is_to_be_seen(entry):
                    return entry
            self._claims[claim] = request.id
            if len(self._claims) > _MAX_CLAIMS:
                self._claims.popitem(last=False)
        return None

    async def _others(self, request: Request, found: tuple[ImageReference, ...], claimed_by: str | None) -> list[Entry]:
        entries = await self._ledger.in_conversation(_PLATFORM, request.conversation, since=_EVER)
        return [
            entry
            for entry in entries
            if entry.request.id != request.id
            and (entry.request.id == claimed_by or entry.request.images == found)
            and entry.request.options == request.options
            and not isinstance(entry.outcome, Refusal)
            and entry.state in (State.QUEUED, State.WORKING, State.ANSWERED)
        ]
