"""The calls to Discord's API that the adapter makes itself, and what their failures mean.

discord.py repeats a call by itself after 500, 502 and 504. That is fine for reading, editing and deleting, which may be
done twice. A message might be posted twice that way, so a post is sent once, and whoever asked for it looks first
whether it is there before sending it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import discord
from discord.http import MultipartParameters, Route

from bot.adapters import TryLater
from bot.adapters.discord.notes import Ticket

_T = TypeVar("_T")

_PATIENCE_SECONDS = 90.0
_PAUSES_SECONDS = (1.0, 3.0, 10.0, 30.0)
_PAGE = 100
_INVALID_WEBHOOK_TOKEN = 50027
_RETRYABLE = frozenset({401, 408})


class MaybePosted(TryLater):
    """Discord gave no clear answer to a post: the message may be there or not."""


class Rest:
    """Calls through a client that has logged in.

    Every method raises ``TryLater`` when Discord can't be reached, has trouble or asks to be left alone, and
    ``discord.HTTPException`` (``Forbidden``, ``NotFound`` among them) when it says no.
    """

    def __init__(self, client: discord.Client) -> None:
        """Use the client's session and its care for rate limits."""
        self._client = client
        self._http = client.http

    async def message(self, channel_id: int, message_id: int, *, guild_id: int | None = None) -> discord.Message:
        """Read a message."""
        async with self._translated():
            return await self._client.get_partial_messageable(channel_id, guild_id=guild_id).fetch_message(message_id)

    async def before(
        self, channel_id: int, message_id: int, *, limit: int, guild_id: int | None = None
    ) -> list[discord.Message]:
        """Read the messages before another one, the nearest first."""
        channel = self._client.get_partial_messageable(channel_id, guild_id=guild_id)
        async with self._translated():
            return [each async for each in channel.history(limit=limit, before=discord.Object(message_id))]

    async def after(
        self, channel_id: int, message_id: int, *, limit: int, guild_id: int | None = None
    ) -> list[discord.Message]:
        """Read the messages after another one, the oldest first."""
        channel = self._client.get_partial_messageable(channel_id, guild_id=guild_id)
        after = discord.Object(message_id)
        async with self._translated():
            return [each async for each in channel.history(limit=limit, after=after, oldest_first=True)]

    async def pages_after(self, channel_id: int, message_id: int, *, pages: int) -> AsyncIterator[dict[str, Any]]:
        """Yield the messages after another one, a hundred to the page, as Discord describes them."""
        for _ in range(pages):
            messages: Any = await self._get(self._http.logs_from(channel_id, _PAGE, after=message_id))
            if not isinstance(messages, list):
                raise TryLater("Discord's answer was malformed")
            for message in messages:
                yield message
            if len(messages) < _PAGE:
                return
            message_id = max(int(message["id"]) for message in messages)

    async def post(self, channel_id: int, params: MultipartParameters) -> int:
        """Post a message and return its id. Raises ``MaybePosted`` when it isn't known whether it is there."""
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel_id)
        fields = params.multipart or [
            {
                "name": "payload_json",
                "value": discord.utils._to_json(params.payload),
                "content_type": "application/json",  # makes it multipart, as Discord wants it
            }
        ]
        try:
            return _id_of(await self._get(self._http.request(route, form=_Once(fields))))
        except _SentTwice:
            raise MaybePosted("Discord had trouble with a message") from None
        except TryLater as error:
            raise MaybePosted(str(error), retry_after=error.retry_after) from error

    async def edit_response(self, ticket: Ticket, params: MultipartParameters) -> int:
        """Edit the response to an interaction, and return its message's id; doing it twice is doing it once."""
        return _id_of(await self._get(self._edit(ticket, params)))

    async def edit(self, channel_id: int, message_id: int, params: MultipartParameters) -> int:
        """Edit a message of the bot's own, and return its id; doing it twice is doing it once."""
        return _id_of(await self._get(self._http.edit_message(channel_id, message_id, params=params)))

    async def delete_response(self, ticket: Ticket) -> None:
        """Delete the response to an interaction, or the message that a pressed button belongs to."""
        await self._get(self._http.request(self._response("DELETE", ticket)))

    async def delete(self, channel_id: int, message_id: int) -> None:
        """Delete a message of the bot's own."""
        await self._get(self._http.delete_message(channel_id, message_id))

    async def type(self, channel_id: int) -> None:
        """Show for ten seconds that the bot is typing."""
        await self._get(self._http.send_typing(channel_id))

    async def direct_channel(self, user_id: int) -> int:
        """Return the channel of direct messages with somebody."""
        return _id_of(await self._get(self._http.start_private_message(user_id)))

    async def command_names(self, application_id: int) -> set[str]:
        """Return the names of the commands that Discord knows of."""
        commands = await self._get(self._http.get_global_commands(application_id))
        if not isinstance(commands, list):
            raise TryLater("Discord's answer was malformed")
        return {command["name"] for command in commands}

    async def put_commands(self, application_id: int, commands: list[dict[str, Any]]) -> None:
        """Make these the commands that Discord knows of."""
        await self._get(self._http.bulk_upsert_global_commands(application_id, commands))

    @property
    def me(self) -> int:
        """The bot's own id."""
        user = self._client.user
        if user is None:
            raise TryLater("not logged in to Discord yet")
        return user.id

    def _edit(self, ticket: Ticket, params: MultipartParameters) -> Awaitable[Any]:
        route = self._response("PATCH", ticket)
        if params.files:
            return self._http.request(route, files=params.files, form=params.multipart)
        return self._http.request(route, json=params.payload)

    def _response(self, method: str, ticket: Ticket) -> Route:
        return Route(
            method,
            "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
            webhook_id=ticket.application_id,
            webhook_token=ticket.token,
        )

    async def _get(self, call: Awaitable[_T]) -> _T:
        async with self._translated():
            return await call

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        if self._client.is_closed():
            raise TryLater("not connected to Discord")
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                yield
        except TimeoutError as error:
            # A call that is cut off while discord.py sleeps out a global limit would leave all others waiting.
            self._http._global_over.set()
            raise TryLater("Discord took too long to answer") from error
        except discord.RateLimited as error:
            raise TryLater("Discord asks to be left alone", retry_after=error.retry_after) from error
        except discord.HTTPException as error:
            if translated := _of_status(error):
                raise translated from error
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise TryLater(f"Discord can't be reached ({type(error).__name__})") from error
        except (ValueError, KeyError, TypeError) as error:  # not what the API's description says
            raise TryLater("Discord's answer was malformed") from error
        except RuntimeError as error:
            if self._client.is_closed():  # aiohttp: the session is closed
                raise TryLater("not connected to Discord") from error
            raise


async def insist(call: Callable[[], Awaitable[None]]) -> None:
    """Make a call that may be made twice, trying again for a while when Discord has trouble. Raises ``TryLater``."""
    for pause in _PAUSES_SECONDS:
        try:
            return await call()
        except TryLater as error:
            await asyncio.sleep(pause if error.retry_after is None else error.retry_after)
    return await call()


class _SentTwice(Exception):  # noqa: N818 - says what happened
    """discord.py was about to send a form again."""


class _Once:
    """A form that is sent once."""

    def __init__(self, fields: Sequence[dict[str, Any]]) -> None:
        self._fields = fields
        self._sent = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        if self._sent:
            raise _SentTwice
        self._sent = True
        return iter(self._fields)


def retry_after(error: discord.HTTPException) -> float | None:
    """Return how many seconds Discord asks to wait."""
    header = error.response.headers.get("Retry-After", "")
    try:
        return max(0.0, float(header))
    except ValueError:
        return None


def _of_status(error: discord.HTTPException) -> TryLater | None:
    if error.status == 429:
        return TryLater("Discord asks to be left alone", retry_after=retry_after(error))
    if error.code == _INVALID_WEBHOOK_TOKEN:
        return None
    if error.status >= 500 or error.status in _RETRYABLE:
        return TryLater(f"Discord answered {error.status}")
    return None


def _id_of(answer: object) -> int:
    if not isinstance(answer, dict):
        raise TryLater("Discord's answer was malformed")
    try:
        return int(answer["id"])
    except (KeyError, ValueError, TypeError) as error:
        raise TryLater("Discord's answer was malformed") from error
