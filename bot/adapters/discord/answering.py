"""Delivering an answer so that it is there exactly once.

To an interaction the answer is an edit of the deferred response, which may be repeated at will. Elsewhere it is a
message: that an attempt begins is noted before each post, and from the first on every attempt looks for the message
before it posts. Where the bot may not look, the message's nonce keeps Discord from taking it twice within minutes.
"""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import discord
from discord.http import MultipartParameters, handle_message_parameters

from bot.adapters import TryLater, Undeliverable
from bot.adapters.discord import buttons, files, wording
from bot.adapters.discord.notes import DEFAULT_SIZE_LIMIT, MAX_FILES, Notes, Photo
from bot.adapters.discord.rest import MaybePosted, Rest
from bot.ledger import Ledger
from bot.links import Links
from bot.storage import Storage
from bot.vocabulary import REPLACES, Answer, Outcome, Request

_log = logging.getLogger(__name__)

_POSTS = 3
_PAUSE_SECONDS = 1.0
_PAGES = 5
_CLOCKS_APART_SECONDS = 60.0
"""How far ahead of Discord's the bot's clock may be."""
_LEAST_LIMIT = 32 * 2**10
_TOO_LARGE = 40005
_NO_REPLY_WITHOUT_HISTORY = 160002
_TOKEN_CODES = frozenset({50027, 10015, 10062})
"""Invalid webhook token, unknown webhook, unknown interaction."""


@dataclass(frozen=True, slots=True)
class _Upload:
    """A picture ready to be sent, as often as it takes."""

    name: str
    data: bytes
    spoiler: bool
    description: str

    def file(self) -> discord.File:
        return discord.File(io.BytesIO(self.data), self.name, spoiler=self.spoiler, description=self.description)


@dataclass(frozen=True, slots=True)
class _Draft:
    """What the answer says and shows."""

    text: str
    uploads: tuple[_Upload, ...] = ()


class Answering:
    """Delivers outcomes."""

    def __init__(
        self, rest: Rest, ledger: Ledger, storage: Storage, links: Links, *, one_at_a_time: asyncio.Lock
    ) -> None:
        """Deliver through ``rest``; what has to be known by a later attempt is noted in the ledger.

        ``one_at_a_time`` is held while a picture is made smaller.
        """
        self._rest = rest
        self._ledger = ledger
        self._storage = storage
        self._links = links
        self._one_at_a_time = one_at_a_time

    async def deliver(self, request: Request, outcome: Outcome) -> int:
        """Deliver an outcome and return the id of the message that carries it.

        Raises ``TryLater`` or ``Undeliverable``.
        """
        notes = Notes.of(request.context)
        limit = notes.size_limit
        while True:
            try:
                return await self._deliver(request, outcome, replace(notes, size_limit=limit))
            except discord.HTTPException as error:
                too_large = error.status == 413 or error.code == _TOO_LARGE
                if not too_large or limit <= _LEAST_LIMIT:
                    raise Undeliverable(f"Discord said no: status={error.status} code={error.code}") from error
                limit = min(limit, DEFAULT_SIZE_LIMIT) // 4
                _log.info("request %s: too large for Discord, trying %d bytes a file", request.id, limit)

    async def _deliver(self, request: Request, outcome: Outcome, notes: Notes) -> int:
        draft = await self._draft(request, outcome, notes)
        if notes.ticket is not None and not notes.ticket.run_out:
            try:
                return await self._rest.edit_response(notes.ticket, self._edit(request, outcome, draft, notes))
            except discord.HTTPException as error:
                if not (error.code in _TOKEN_CODES or error.status in (401, 404)):
                    raise
                _log.info("request %s: its interaction has run out: code=%d", request.id, error.code)
        if (replaced := await self._replace(request, outcome, draft, notes)) is not None:
            return replaced
        if notes.summons_id is not None and notes.channel_id is not None:
            return await self._post(request, outcome, draft, notes.channel_id, reply=notes.summons_id)
        return await self._post_late(request, outcome, draft, notes)

    async def _replace(self, request: Request, outcome: Outcome, draft: _Draft, notes: Notes) -> int | None:
        """Let an earlier answer say this instead; ``None`` when there is none, or it can't be edited."""
        earlier = request.context.get(REPLACES)
        if earlier is None or notes.channel_id is None:
            return None
        try:
            return await self._rest.edit(notes.channel_id, int(earlier), self._edit(request, outcome, draft, notes))
        except discord.HTTPException as error:
            if error.status not in (403, 404):
                raise
            _log.info("request %s: its earlier answer can't be edited: code=%d", request.id, error.code)
            return None

    async def _post_late(self, request: Request, outcome: Outcome, draft: _Draft, notes: Notes) -> int:
        """Answer an interaction whose response can't be edited any more."""
        channel_id = notes.channel_id
        if notes.ephemeral:
            channel_id = await self._rest.direct_channel(int(request.requester))
            draft = replace(draft, text=wording.privacy_gone(draft.text))
        if channel_id is None:
            raise Undeliverable("it isn't known where the interaction was made")
        return await self._post(request, outcome, draft, channel_id, reply=None)

    # Posting exactly once

    async def _post(
        self, request: Request, outcome: Outcome, draft: _Draft, channel_id: int, *, reply: int | None
    ) -> int:
        notes = Notes.of(request.context)
        began = notes.posting
        look = bool(began) or notes.ticket is not None  # an edit of the response may have got through unnoticed
        for attempt in range(_POSTS):
            if look and (posted := await self._look(request, channel_id, reply, began)) is not None:
                return posted
            began = time.time()
            if not await self._ledger.noted(request.id, {"posting": began}):
                raise TryLater("the request was deleted meanwhile")
            try:
                return await self._rest.post(channel_id, self._message(request, outcome, draft, reply))
            except MaybePosted as maybe:
                look = True
                if maybe.retry_after is not None or attempt == _POSTS - 1:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            except discord.HTTPException as error:
                if error.code != _NO_REPLY_WITHOUT_HISTORY or reply is None:
                    raise
                reply = None  # the next best thing is to mention whoever asked
        raise TryLater("Discord doesn't take the message")

    async def _look(self, request: Request, channel_id: int, reply: int | None, began: float) -> int | None:
        """Return the id of the answer if it is there already.

        It came after the summons, and some time after an attempt began: in a busy channel that may be far apart.
        """
        seen = int(reply or request.message_id)
        try:
            for after in (seen, _snowflake(began - _CLOCKS_APART_SECONDS)):
                async for message in self._rest.pages_after(channel_id, max(after, seen), pages=_PAGES):
                    seen = max(seen, int(message["id"]))
                    if int(message["author"]["id"]) == self._rest.me and self._answers(message, request, reply):
                        return int(message["id"])
        except discord.HTTPException as error:
            _log.info("request %s: can't look for its answer: code=%d", request.id, error.code)
        return None

    def _answers(self, message: dict[str, object], request: Request, reply: int | None) -> bool:
        reference = message.get("message_reference")
        if reply is not None and isinstance(reference, dict) and str(reference.get("message_id")) == str(reply):
            return True
        return buttons.delete_id(request.id) in buttons.custom_ids(message)

    # What it says

    def _edit(self, request: Request, outcome: Outcome, draft: _Draft, notes: Notes) -> MultipartParameters:
        return handle_message_parameters(
            draft.text,
            attachments=[upload.file() for upload in draft.uploads],
            view=buttons.below(request, outcome, ephemeral=notes.ephemeral),
            allowed_mentions=discord.AllowedMentions.none(),
        )

    def _message(self, request: Request, outcome: Outcome, draft: _Draft, reply: int | None) -> MultipartParameters:
        reference: Any = discord.utils.MISSING
        if reply is not None:
            reference = {"message_id": str(reply), "fail_if_not_exists": False}
        mentioned = [discord.Object(int(request.requester))] if reply is None else False
        return handle_message_parameters(
            draft.text if reply is not None else wording.mention(request.requester, draft.text),
            files=[upload.file() for upload in draft.uploads],
            view=buttons.below(request, outcome, ephemeral=False),
            nonce=request.id[:25],
            message_reference=reference,
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, users=mentioned, replied_user=reply is not None
            ),
        )

    async def _draft(self, request: Request, outcome: Outcome, notes: Notes) -> _Draft:
        if not isinstance(outcome, Answer):
            return _Draft(outcome.message)
        shown = outcome.results[:MAX_FILES]
        limit = files.limit_each(notes.size_limit, len(shown))
        uploads, shrunk = [], 0
        for result in shown:
            if (fitted := await self._fitted(self._storage.path(request.id, result.file), limit)) is None:
                continue
            shrunk += fitted.shrunk
            photo = _photo(notes.photos, result.index)
            uploads.append(
                _Upload(
                    name=files.file_name(photo.name, fitted.suffix),
                    data=fitted.data,
                    spoiler=photo.spoiler,
                    description=wording.alt_text(photo.description, request.options),
                )
            )
        page = self._links.page(request.id) if self._links.public else None
        dropped = len(outcome.results) - len(uploads)
        text = wording.answer(outcome, request.options, notes, shrunk=shrunk, dropped=dropped, page=page)
        return _Draft(text[:2000], tuple(uploads))

    async def _fitted(self, path: Path, limit: int) -> files.Fitted | None:
        if (whole := await asyncio.to_thread(files.whole, path, limit)) is not None:
            return whole
        async with self._one_at_a_time:
            return await asyncio.to_thread(files.smaller, path, limit)


def _photo(photos: Sequence[Photo], index: int) -> Photo:
    return photos[index] if index < len(photos) else Photo("", "photo")


def _snowflake(moment: float) -> int:
    return discord.utils.time_snowflake(datetime.fromtimestamp(max(moment, discord.utils.DISCORD_EPOCH / 1000), UTC))
