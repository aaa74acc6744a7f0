"""How a request stands on Reddit right now: whether it still asks, and whether it is answered already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import praw
import prawcore

from bot.adapters import TakenBack, TryLater, Undeliverable
from bot.adapters.reddit import reading
from bot.adapters.reddit.summoning import triggers_for
from bot.adapters.reddit.things import Comment, Thread
from bot.adapters.reddit.workers import Workers
from bot.summons import parse_summons
from bot.vocabulary import Request

TRIED = "tried"
"""In a request's context once an answer may have been posted."""


@dataclass(frozen=True, slots=True)
class Stands:
    """A summons that is there and still asks."""

    summons: Comment
    thread: Thread
    answer: str | None
    """Fullname of the bot's own reply, if there is one."""
    own_name: str

    @property
    def locked(self) -> bool:
        """Whether nobody may answer any more; the bot may still be allowed to, where it moderates."""
        submission = self.thread.submission
        return self.summons.locked or submission.get("locked") is True or submission.get("archived") is True


class Standing:
    """Looks up how requests stand."""

    def __init__(
        self, workers: Workers, triggers: Callable[[], tuple[str, ...]], own_name: Callable[[], Awaitable[str]]
    ) -> None:
        """``own_name`` returns the name of the bot's account; ``triggers`` are the operator's."""
        self._workers = workers
        self._triggers = triggers
        self._own_name = own_name

    async def read(self, request: Request) -> Stands:
        """Read a comment that asked for something. Raises ``TakenBack`` when it is gone or asks no longer."""
        own_name = await self._own_name()
        stands = await self._workers.call(_read, request, own_name)
        if stands is None or stands.summons.gone:
            raise TakenBack("it was deleted")
        if "command" not in request.context:
            triggers = triggers_for(self._triggers(), own_name)
            if await asyncio.to_thread(parse_summons, stands.summons.body, triggers) is None:
                raise TakenBack("it was edited so that it asks no longer")
        return stands

    async def answer_to_message(self, request: Request) -> str | None:
        """Return the bot's own reply to a private message; ``None`` when it was never tried to post one."""
        if not request.context.get(TRIED):
            return None
        return await self._workers.call(_reply_to_message, request, await self._own_name())


def _read(reddit: praw.Reddit, request: Request, own_name: str) -> Stands | None:
    thread = reading.thread_of(reddit, request.conversation, request.message_id)
    summons = thread.comments.get(request.message_id)
    answers = _own_replies(list(thread.comments.values()), request, own_name)
    if summons is None:
        # Deleted comments without replies are left out there; but so may be what was written a moment ago.
        summons = reading.comment_of(reddit, request.message_id)
        if summons is None and thread.malformed:
            raise TryLater("Reddit's answer was malformed just where the summons should be")
        if summons is None or summons.gone:
            return None
    if not answers and (request.context.get(TRIED) or request.message_id not in thread.comments):
        # A thread may be shown from a while ago; the account's own list is another source.
        answers = _own_replies(reading.own_comments(reddit, own_name), request, own_name)
    return Stands(summons, thread, answers[0] if answers else None, own_name)


def _own_replies(comments: list[Comment], request: Request, own_name: str) -> list[str]:
    return [
        comment.fullname
        for comment in comments
        if comment.parent == request.message_id and (comment.author or "").lower() == own_name.lower()
    ]


def _reply_to_message(reddit: praw.Reddit, request: Request, own_name: str) -> str | None:
    try:
        return reading.own_message_to(reddit, request.message_id, own_name)
    except prawcore.NotFound:
        raise Undeliverable("Reddit doesn't show whether the answer is there already") from None
