"""The Reddit adapter: people call the bot below a post, by its name anywhere, or in a message."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import praw

from bot.adapters import Located, TryLater
from bot.adapters.reddit import reading
from bot.adapters.reddit.commands import Commands
from bot.adapters.reddit.hosting import Hosts
from bot.adapters.reddit.inbox import Inbox
from bot.adapters.reddit.locating import Locator
from bot.adapters.reddit.pace import Pace
from bot.adapters.reddit.replies import Replies
from bot.adapters.reddit.session import sign_in
from bot.adapters.reddit.standing import Standing
from bot.adapters.reddit.streams import Sweeper, follow
from bot.adapters.reddit.summoning import PLATFORM, Doorkeeper
from bot.adapters.reddit.workers import Workers
from bot.assembly import Parts
from bot.intake import Intake
from bot.vocabulary import Outcome, Request

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 120.0
_INBOX = "inbox"
_COMMENTS = "comments"


class RedditAdapter:
    """Listens on Reddit, and answers there.

    Three groups of threads speak to Reddit: one thread for the comment stream, one for the inbox, and a few for
    locating and answering, so that a long line of answers doesn't keep the bot from hearing.
    """

    def __init__(self, parts: Parts) -> None:
        """Nothing is asked of Reddit yet."""
        self._parts = parts
        self._settings = parts.settings.reddit
        metrics = parts.metrics
        pace = Pace(on_wait=partial(metrics.rate_limited, PLATFORM))

        def make_reddit(stopping: threading.Event) -> praw.Reddit:
            return sign_in(self._settings, pace, stopping, partial(metrics.called, PLATFORM))

        self._comments = Workers("comments", 1, make_reddit)
        self._inbox = Workers("inbox", 1, make_reddit)
        self._answers = Workers("answers", parts.settings.limits.parallel, make_reddit)
        self._name: str | None = None
        standing = Standing(self._answers, lambda: parts.settings.triggers, self._own_name)
        self._locator = Locator(parts, self._answers, standing)
        self._replies = Replies(parts, self._answers, standing, Hosts(parts, self._answers))

    @property
    def name(self) -> str:
        """The platform's name."""
        return PLATFORM

    async def run(self, intake: Intake, announce: Callable[[str], None]) -> None:
        """Listen until cancelled. Reddit being away, or refusing to sign the bot in, is waited out."""
        for stream in self._streams():
            self._parts.metrics.listening(PLATFORM, stream)
        try:
            own_name = await self._sign_in()
            announce(self._where(own_name))
            commands = Commands(self._parts, self._answers, own_name)
            try:
                await self._listen(Doorkeeper(self._parts, commands, own_name))
            finally:
                await commands.close()
        finally:
            self.close()

    def close(self) -> None:
        """Let the threads end; they are started again when they are needed."""
        for workers in (self._comments, self._inbox, self._answers):
            workers.close()

    async def locate(self, request: Request) -> Located:
        """Return the photos that a comment or a message is about."""
        return await self._locator.locate(request)

    async def answer(self, request: Request, outcome: Outcome) -> str:
        """Answer with one comment or message, and return its fullname."""
        return await self._replies.answer(request, outcome, await self._own_name())

    async def _listen(self, doorkeeper: Doorkeeper) -> None:
        pause, reach_back = self._settings.poll_seconds, timedelta(hours=self._settings.catch_up_hours)
        inbox = Inbox(self._inbox, doorkeeper.consider, reach_back=reach_back)
        async with asyncio.TaskGroup() as tasks:
            heard = partial(self._parts.metrics.heard, PLATFORM, _INBOX)
            tasks.create_task(follow("the inbox", inbox.look, pause_seconds=pause, heard=heard))
            if self._settings.subreddits:
                path = reading.COMMENTS.format(subreddits="+".join(self._settings.subreddits))
                read = partial(self._comments.call, reading.page, path)
                comments = Sweeper("the comments", read, doorkeeper.consider, reach_back=reach_back)
                heard = partial(self._parts.metrics.heard, PLATFORM, _COMMENTS)
                tasks.create_task(follow("the comments", comments.sweep, pause_seconds=pause, heard=heard))

    def _streams(self) -> tuple[str, ...]:
        return (_INBOX, _COMMENTS) if self._settings.subreddits else (_INBOX,)

    async def _sign_in(self) -> str:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._own_name()
            except TryLater as error:
                wait = max(pause, error.retry_after or 0.0)
                _log.warning("reddit: not signed in yet, again in %.1f s: %s", wait, error)
                await asyncio.sleep(wait)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _own_name(self) -> str:
        """Return the name of the bot's account. Raises ``TryLater`` as long as Reddit hasn't said it."""
        if self._name is None:
            self._name = await self._answers.call(reading.own_name)
        return self._name

    def _where(self, own_name: str) -> str:
        watched = ", ".join(f"r/{name}" for name in self._settings.subreddits)
        return f"mentions of u/{own_name} everywhere" + (f", and comments in {watched}" if watched else "")
