"""Posting an answer exactly once: look first, then post, and after any doubt look again later."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import praw
import prawcore
from praw.endpoints import API_PATH
from praw.exceptions import RedditAPIException

from bot.adapters import TakenBack, TryLater, Undeliverable
from bot.adapters.reddit import wording
from bot.adapters.reddit.hosting import Hosts
from bot.adapters.reddit.richtext import Block, Picture, to_markdown, to_richtext
from bot.adapters.reddit.standing import TRIED, Standing
from bot.adapters.reddit.troubles import RATE_LIMITED, TROUBLES, codes, describe, try_later
from bot.adapters.reddit.uploads import NotPossible
from bot.adapters.reddit.workers import Workers
from bot.assembly import Parts
from bot.vocabulary import REPLACES, Outcome, Refusal, Request

_log = logging.getLogger(__name__)

_PLATFORM = "reddit"
_SETTLING_SECONDS = 4.0
"""How long Reddit may take until everybody sees a comment that it has taken."""

_SHUT_OUT = frozenset(
    {
        "USER_BANNED", "BANNED_FROM_SUBREDDIT", "USER_BANNED_FROM_SUBREDDIT", "SUBREDDIT_NOTALLOWED",
        "SUBREDDIT_NOTALLOWED_BANNED", "SUBREDDIT_BAN",
    }
)  # fmt: skip
_CLOSED = frozenset(
    {
        "THREAD_LOCKED", "COMMENT_LOCKED", "DELETED_COMMENT", "DELETED_LINK", "DELETED_THREAD", "TOO_OLD", "ARCHIVED",
        "USER_BLOCKED", "USER_BLOCKED_MESSAGE", "NOT_WHITELISTED_BY_USER_MESSAGE", "COMMENT_UNREPLIABLE",
        "SUBREDDIT_NOEXIST", "PRIVATE_SUBREDDIT",
    }
)  # fmt: skip


class ShutOut(Undeliverable):
    """The community doesn't let the bot write."""


class Replies:
    """Answers comments and messages."""

    def __init__(self, parts: Parts, workers: Workers, standing: Standing, hosts: Hosts) -> None:
        """Post through ``workers``."""
        self._parts = parts
        self._workers = workers
        self._standing = standing
        self._hosts = hosts

    async def answer(self, request: Request, outcome: Outcome, own_name: str) -> str:
        """Answer a request unless that was done before; return the answer's fullname.

        Raises ``TryLater``, ``TakenBack`` and ``Undeliverable``.
        """
        try:
            return await self._answer(request, outcome, own_name)
        except (TakenBack, Undeliverable):
            await self._hosts.take_back(request)
            raise

    async def _answer(self, request: Request, outcome: Outcome, own_name: str) -> str:
        locked = False
        if request.message_id.startswith("t1_"):
            standing = await self._standing.read(request)
            answer, locked = standing.answer, standing.locked
        else:
            answer = await self._standing.answer_to_message(request)
        replaced = request.context.get(REPLACES)
        if answer is not None and (answer != replaced or not answer.startswith("t1_")):
            return answer  # a private message can't be edited
        try:
            return await self._post(request, outcome, own_name, replaced=answer, locked=locked)
        except ShutOut as why:
            if request.community is not None:
                await self._parts.etiquette.shut_out(_PLATFORM, request.community, str(why))
                _log.warning("reddit: r/%s doesn't let the bot write, and is left alone: %s", request.community, why)
            raise

    async def _post(
        self, request: Request, outcome: Outcome, own_name: str, *, replaced: str | None, locked: bool
    ) -> str:
        if isinstance(outcome, Refusal):
            acknowledged = "command" in request.context
            blocks = wording.of_command(outcome) if acknowledged else wording.of_refusal(outcome, own_name)
            return await self._comment(request, blocks, replaced=replaced, locked=locked)
        async for place in self._hosts.places(request, outcome, own_name):
            blocks = wording.of_answer(outcome, place, request.options, request.context, own_name)
            try:
                return await self._comment(request, blocks, replaced=replaced, locked=locked)
            except NotPossible as why:
                _log.info("request %s: Reddit doesn't take that comment: %s", request.id, why)
        raise Undeliverable("Reddit takes the answer in no form")

    async def _comment(self, request: Request, blocks: Sequence[Block], *, replaced: str | None, locked: bool) -> str:
        if await self._parts.ledger.noted(request.id, {TRIED: True}) is None:
            raise TakenBack("it was deleted")
        return await self._workers.call(_post_comment, request.message_id, blocks, replaced=replaced, locked=locked)


def _post_comment(
    reddit: praw.Reddit, parent: str, blocks: Sequence[Block], *, replaced: str | None, locked: bool
) -> str:
    native = any(isinstance(block, Picture) for block in blocks)
    text = {"richtext_json": to_richtext(blocks)} if native else {"text": to_markdown(blocks)}
    try:
        if replaced is not None:
            reddit.post(API_PATH["edit"], data={"thing_id": replaced, **text})
            return replaced
        posted = reddit.post(API_PATH["comment"], data={"thing_id": parent, **text})
        return str(posted[0].fullname)
    except RedditAPIException as error:
        raise _declined(error, native=native) from error
    except prawcore.Forbidden as error:
        raise _forbidden(error, locked=locked) from error
    except prawcore.BadRequest as error:
        if native:
            raise NotPossible(describe(error)) from error
        raise try_later(error, retry_after=_SETTLING_SECONDS) from error
    except IndexError:
        raise TryLater("Reddit took the answer without naming it", retry_after=_SETTLING_SECONDS) from None
    except TROUBLES as error:
        raise try_later(error, retry_after=_SETTLING_SECONDS) from error


def _declined(error: RedditAPIException, *, native: bool) -> Exception:
    said = set(codes(error))
    if said & _SHUT_OUT:
        return ShutOut(describe(error))
    if said & _CLOSED:
        return Undeliverable(describe(error))
    if native and RATE_LIMITED not in said:
        return NotPossible(describe(error))
    return try_later(error, retry_after=_SETTLING_SECONDS)


def _forbidden(error: prawcore.Forbidden, *, locked: bool) -> Exception:
    """Judge a 403: a ban, a locked thread, or a wall before Reddit that blocks everybody for a while."""
    try:
        by_reddit = error.response.json().get("error") == error.response.status_code
    except (ValueError, AttributeError):
        by_reddit = False
    if not by_reddit:
        return try_later(error, retry_after=_SETTLING_SECONDS)
    return Undeliverable("the thread is locked") if locked else ShutOut(describe(error))
