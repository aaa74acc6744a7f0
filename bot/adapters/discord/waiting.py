"""What people see while they wait: that the bot is typing, or their place in the line.

A place in the line is an edit of the same response that the answer is an edit of, so the two take turns: once the
answer is on its way, nothing is said about waiting any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import discord
from discord.http import handle_message_parameters

from bot.adapters import TryLater
from bot.adapters.discord import wording
from bot.adapters.discord.notes import Notes, Ticket
from bot.adapters.discord.rest import Rest
from bot.status import StatusBoard
from bot.vocabulary import Request

_log = logging.getLogger(__name__)

_QUIET_SECONDS = 2.0
_PAUSE_SECONDS = 3.0
_MOST_EDITS = 20
_EDITS_PER_SECOND = 5
_TYPING_SECONDS = 8.0
_LONGEST_TYPING_SECONDS = 600.0
_ACKNOWLEDGE_SECONDS = 30.0


@dataclass(eq=False, slots=True)
class _Wait:
    """Somebody's wait for the answer to an interaction."""

    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    over: bool = False


class WaitingRoom:
    """Keeps company to those who wait, for as long as one connection lasts."""

    def __init__(self, board: StatusBoard, rest: Callable[[], Rest]) -> None:
        """``rest`` returns what to call Discord with, or raises ``TryLater``."""
        self._board = board
        self._rest = rest
        self._waits: dict[str, _Wait] = {}
        self._typing: Counter[int] = Counter()
        self._typists: set[int] = set()
        self._summonses: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def expect(self, request_id: str) -> None:
        """Prepare for the answer to an interaction that is not acknowledged yet."""
        self._waits[request_id] = _Wait()

    def acknowledged(self, request_id: str) -> None:
        """Let the answer come: there is a response to edit now."""
        if wait := self._waits.get(request_id):
            wait.acknowledged.set()

    def forget(self, request_id: str) -> None:
        """Stop expecting an answer."""
        self._waits.pop(request_id, None)

    def waits_for(self, message_id: int) -> bool:
        """Return whether a message is a summons whose author waits for the answer."""
        return message_id in self._summonses

    def keep_company(self, request: Request) -> None:
        """Show that the bot is at it until the request is finished."""
        notes = Notes.of(request.context)
        if notes.ticket is not None:
            self._start(self._keep_waiting(request.id, notes.ticket))
        elif notes.channel_id is not None and notes.summons_id is not None:
            self._start(self._type(request.id, notes.channel_id, notes.summons_id))

    @asynccontextmanager
    async def answering(self, request_id: str) -> AsyncIterator[None]:
        """Hold back words about waiting while the answer is delivered, and for good once it is."""
        wait = self._waits.get(request_id)
        if wait is None:
            yield
            return
        try:
            async with asyncio.timeout(_ACKNOWLEDGE_SECONDS):
                await wait.acknowledged.wait()
        except TimeoutError:
            _log.info("request %s: the response is not there yet; trying to edit it anyway", request_id)
        async with wait.turn:
            yield
            wait.over = True
            self.forget(request_id)

    async def close(self) -> None:
        """Leave everybody alone: the connection is going."""
        tasks, self._tasks = list(self._tasks), set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._waits.clear()

    def _start(self, company: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(company)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("keeping company to somebody who waits ended", exc_info=error)

    async def _keep_waiting(self, request_id: str, ticket: Ticket) -> None:
        try:
            await self._tell_place(request_id, ticket)
        finally:
            self.forget(request_id)  # whatever became of it, nothing more is said about waiting

    async def _tell_place(self, request_id: str, ticket: Ticket) -> None:
        await asyncio.sleep(_QUIET_SECONDS)
        told, edits = None, 0
        async for status in self._board.watch(request_id):
            words = wording.waiting(status)
            if words is None or words == told:
                continue
            told, edits = words, edits + 1
            if edits > _MOST_EDITS or not await self._say(request_id, ticket, words):
                return
            # The more people wait, the more seldom each is told: all edits together have to stay few.
            await asyncio.sleep(max(_PAUSE_SECONDS * (1 + edits / 4), len(self._waits) / _EDITS_PER_SECOND))

    async def _say(self, request_id: str, ticket: Ticket, words: str) -> bool:
        wait = self._waits.get(request_id)
        if wait is None:
            return False
        await wait.acknowledged.wait()
        async with wait.turn:
            if wait.over or ticket.run_out:
                return False
            params = handle_message_parameters(words, allowed_mentions=discord.AllowedMentions.none())
            try:
                await self._rest().edit_response(ticket, params)
            except (TryLater, discord.HTTPException) as error:
                _log.info("request %s: its place in the line can't be shown (%s)", request_id, type(error).__name__)
                return False
        return True

    async def _type(self, request_id: str, channel_id: int, summons_id: int) -> None:
        self._summonses.add(summons_id)
        self._typing[channel_id] += 1
        if channel_id not in self._typists:
            self._typists.add(channel_id)
            self._start(self._keep_typing(channel_id))
        try:
            async with asyncio.timeout(_LONGEST_TYPING_SECONDS):
                async for _ in self._board.watch(request_id):
                    pass
        except TimeoutError:
            pass
        finally:
            self._summonses.discard(summons_id)
            self._typing[channel_id] -= 1
            if not self._typing[channel_id]:
                del self._typing[channel_id]

    async def _keep_typing(self, channel_id: int) -> None:
        try:
            while channel_id in self._typing:
                await self._rest().type(channel_id)
                await asyncio.sleep(_TYPING_SECONDS)
        except (TryLater, discord.HTTPException) as error:
            _log.debug("typing can't be shown (%s)", type(error).__name__)
        finally:
            self._typists.discard(channel_id)
