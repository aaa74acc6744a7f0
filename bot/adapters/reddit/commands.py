"""What people tell the bot besides calling it: ``delete``, ``opt out``, ``opt in``."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.adapters import TryLater
from bot.adapters.reddit import reading, wording
from bot.adapters.reddit.things import Comment, Message
from bot.adapters.reddit.workers import Workers
from bot.assembly import Parts
from bot.summons import Command
from bot.vocabulary import Entry, Request, State

_log = logging.getLogger(__name__)

_PLATFORM = "reddit"
_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 300.0
_PATIENCE = timedelta(hours=24)


class Commands:
    """Carries out what people tell the bot; each command may be seen any number of times."""

    def __init__(self, parts: Parts, workers: Workers, own_name: str) -> None:
        """Speak to Reddit through ``workers`` as the account ``own_name``."""
        self._parts = parts
        self._workers = workers
        self._own_name = own_name.lower()
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._done: set[str] = set()

    async def opt(self, command: Command, request: Request, *, silently: bool) -> None:
        """Remember that somebody wants no answers any more, or wants them again; tell them so, unless ``silently``.

        The acknowledgement is a request whose answer is known already, so it is delivered like any other, and nobody
        is told the same over and over.
        """
        if await self._parts.ledger.by_message(_PLATFORM, request.message_id) is not None:
            return
        if command is Command.OPT_OUT:
            await self._parts.etiquette.opt_out(_PLATFORM, request.requester)
            told = wording.OPTED_OUT
        else:
            await self._parts.etiquette.opt_in(_PLATFORM, request.requester)
            told = wording.OPTED_IN
        if silently:
            await self._parts.ledger.record(request, told, tell=False)
        else:
            await self._parts.intake.take(request, refusal=told)

    async def delete(self, item: Comment | Message) -> bool:
        """Remove the answer that a ``delete`` replies to; return False while that is going on."""
        if item.fullname in self._done:
            self._done.discard(item.fullname)
            return True
        if item.fullname not in self._in_hand:
            task = asyncio.create_task(self._keep_deleting(item))
            self._in_hand[item.fullname] = task
            task.add_done_callback(lambda _: self._in_hand.pop(item.fullname, None))
        return False

    async def is_own(self, fullname: str) -> bool:
        """Return whether a comment is an answer of the bot."""
        if not fullname.startswith("t1_"):
            return False
        if await self._parts.ledger.by_answer(_PLATFORM, fullname) is not None:
            return True
        comment = await self._workers.call(reading.comment_of, fullname)
        return comment is not None and (comment.author or "").lower() == self._own_name

    async def close(self) -> None:
        """Drop what is in hand: it is seen again at the next start."""
        dropped = list(self._in_hand.values())
        for task in dropped:
            task.cancel()
        await asyncio.gather(*dropped, return_exceptions=True)

    async def _keep_deleting(self, item: Comment | Message) -> None:
        pause, began = _FIRST_PAUSE_SECONDS, datetime.now(UTC)
        while True:
            try:
                await self._delete(item)
            except (TryLater, SQLAlchemyError, OSError) as error:
                if datetime.now(UTC) - began > _PATIENCE:
                    _log.error("reddit: gave up deleting the answer above %s: %s", item.fullname, error)
                    break
                pause = max(pause, getattr(error, "retry_after", None) or 0.0)
                _log.warning(
                    "reddit: can't delete the answer above %s, again in %.1f s: %s", item.fullname, pause, error
                )
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                break
        self._done.add(item.fullname)

    async def _delete(self, item: Comment | Message) -> None:
        entry = await self._answered_by(item.parent)
        if entry is None or entry.state is State.DELETED:
            return  # it answers something else, or it is done already
        author = (item.author or "").lower()
        if author != entry.request.requester:
            moderated = entry.request.community
            if moderated is None or not await self._workers.call(reading.is_moderator, moderated, author):
                return
        # The ledger last: otherwise a crash in between would leave an answer that nobody can find any more. And the
        # comment after the post on the profile that it leads to: while it is there, it can be replied to again.
        for fullname in (entry.request.context.get("profile_post"), item.parent):
            if isinstance(fullname, str) and fullname.startswith(("t1_", "t3_")):
                await self._workers.call(reading.remove, fullname)
        await self._parts.intake.withdraw(entry.request.id)
        _log.info("reddit: answer of request %s deleted", entry.request.id)

    async def _answered_by(self, answer: str | None) -> Entry | None:
        """Return the request that an answer belongs to, even when the ledger hasn't heard of the answer yet."""
        if answer is None or answer.startswith("t3_"):
            return None
        entry = await self._parts.ledger.by_answer(_PLATFORM, answer)
        if entry is not None or not answer.startswith("t1_"):
            return entry
        comment = await self._workers.call(reading.comment_of, answer)
        if comment is None or (comment.author or "").lower() != self._own_name:
            return None
        return await self._parts.ledger.by_message(_PLATFORM, comment.parent)
