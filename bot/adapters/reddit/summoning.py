"""What the bot does about a comment or a message: take a request, carry out a command, or nothing at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from bot.adapters import TryLater
from bot.adapters.reddit import images, wording
from bot.adapters.reddit.commands import Commands
from bot.adapters.reddit.things import Comment, Message
from bot.assembly import Parts
from bot.settings import RedditSettings
from bot.summons import Command, Summons, parse_command, parse_summons
from bot.vocabulary import ImageKind, ImageReference, Refusal, Request
from inference.vocabulary import RecolorOptions

_log = logging.getLogger(__name__)

PLATFORM = "reddit"

_LONGEST_COMMAND = 200
"""Characters: who writes more than that says something else."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)


def triggers_for(triggers: tuple[str, ...], own_name: str) -> tuple[str, ...]:
    """Return the words that call the bot on Reddit: the operator's, and its account's name behind ``u/``."""
    return (*triggers, f"u/{own_name.lower()}")


class Doorkeeper:
    """Sees everything that is written where the bot listens."""

    def __init__(self, parts: Parts, commands: Commands, own_name: str) -> None:
        """Hand requests to the intake, and what the bot is told to ``commands``."""
        self._parts = parts
        self._commands = commands
        self._own_name = own_name.lower()

    @property
    def _settings(self) -> RedditSettings:
        return self._parts.settings.reddit

    @property
    def _triggers(self) -> tuple[str, ...]:
        return triggers_for(self._parts.settings.triggers, self._own_name)

    async def consider(self, item: Comment | Message) -> bool:
        """Do what is to be done about something that was written; return False when it has to be seen again.

        Seeing it again later is harmless. Raises ``TryLater`` when nothing can be noted down.
        """
        try:
            return await self._consider(item)
        except (SQLAlchemyError, OSError) as error:
            raise TryLater(f"nothing can be noted in the ledger: {type(error).__name__}") from error

    async def _consider(self, item: Comment | Message) -> bool:
        author = (item.author or "").lower()
        if not author or author in {self._own_name, *self._settings.ignored_bots, *self._settings.blocked_users}:
            return True
        if (command := self._command(item)) is not None:
            return await self._carry_out(command, item)
        if not self._may_call(item) or await self._is_to_be_left_alone(item, author):
            return True
        if isinstance(item, Message):
            await self._take_message(item, author)
        elif (summons := await asyncio.to_thread(parse_summons, item.body, self._triggers)) is not None:
            await self._take_comment(item, author, summons)
        return True

    def _may_call(self, item: Comment | Message) -> bool:
        """Tell cheaply whether a text is worth reading with care: most are not."""
        lowered = item.body.lower()
        return any(trigger in lowered for trigger in self._triggers) or (
            isinstance(item, Message) and "http" in lowered
        )

    async def _is_to_be_left_alone(self, item: Comment | Message, author: str) -> bool:
        if await self._parts.etiquette.has_opted_out(PLATFORM, author):
            return True
        return await self._is_no_place_to_write(item)

    async def _is_no_place_to_write(self, item: Comment | Message) -> bool:
        if isinstance(item, Message):
            return False
        community = item.subreddit.lower()
        return community in self._settings.blocked_subreddits or await self._parts.etiquette.is_shut_out(
            PLATFORM, community
        )

    # Commands

    def _command(self, item: Comment | Message) -> Command | None:
        return parse_command(item.body, self._triggers) if len(item.body) <= _LONGEST_COMMAND else None

    async def _carry_out(self, command: Command, item: Comment | Message) -> bool:
        if command is Command.DELETE:
            return await self._commands.delete(item)
        if isinstance(item, Message) or await self._is_told_to_the_bot(item):
            request = self._request(item, context=_context(item, command=command))
            await self._commands.opt(command, request, silently=await self._is_no_place_to_write(item))
        return True

    async def _is_told_to_the_bot(self, comment: Comment) -> bool:
        """Return whether an "opt out" is meant for the bot: called by its name, or as a reply to it."""
        if parse_command(comment.body, ()) is None:
            return True
        return await self._commands.is_own(comment.parent)

    # Requests

    async def _take_comment(self, comment: Comment, author: str, summons: Summons) -> None:
        request = self._request(comment, context=_context(comment), summons=summons)
        await self._parts.intake.take(request, refusal=await self._too_many(request, author))

    async def _take_message(self, message: Message, author: str) -> None:
        """Take a message: a link in it is a summons, even without the bot's name."""
        body = message.body
        called = await asyncio.to_thread(parse_summons, body, self._triggers)
        found = await asyncio.to_thread(images.in_text, body)
        post = await asyncio.to_thread(images.submission_linked, body)
        if called is None and found is None and post is None:
            return
        if called is None:
            # Options count without the name too.
            called = await asyncio.to_thread(parse_summons, f"{self._triggers[0]} {body}", self._triggers)
        context = {**_context(message), **({"about": post} if post else {})}
        links = found.links if isinstance(found, images.Found) else ()
        request = self._request(message, context=context, summons=called, links=links[: self._most_pictures])
        refusal = found if isinstance(found, Refusal) and post is None else None
        if found is None and post is None:
            refusal = wording.NO_LINK
        await self._parts.intake.take(request, refusal=refusal or await self._too_many(request, author))

    @property
    def _most_pictures(self) -> int:
        return self._parts.settings.limits.max_pictures

    async def _too_many(self, request: Request, author: str) -> Refusal | None:
        ledger, settings = self._parts.ledger, self._settings
        since = datetime.now(UTC) - _HOUR
        if len(await ledger.taken_from_requester(PLATFORM, author, since=since)) >= settings.answers_per_user_hour:
            return wording.TOO_MANY_REQUESTS
        thread = await ledger.in_conversation(PLATFORM, request.conversation, since=_EVER)
        return wording.THREAD_FULL if len(thread) >= settings.answers_per_thread else None

    def _request(
        self,
        item: Comment | Message,
        *,
        context: Mapping[str, Any],
        summons: Summons | None = None,
        links: tuple[str, ...] = (),
    ) -> Request:
        return Request(
            platform=PLATFORM,
            message_id=item.fullname,
            conversation=item.submission if isinstance(item, Comment) else item.fullname,
            requester=(item.author or "").lower(),
            community=item.subreddit.lower() if isinstance(item, Comment) else None,
            images=tuple(ImageReference(ImageKind.URL, link) for link in links),
            options=RecolorOptions() if summons is None else summons.options,
            context=context,
        )


def _context(item: Comment | Message, *, command: Command | None = None) -> dict[str, Any]:
    """Return what has to be known for the answer later on."""
    context: dict[str, Any] = {} if command is None else {"command": command.value}
    if isinstance(item, Comment):
        context |= {"permalink": item.permalink, "subreddit": item.subreddit}
    return context
