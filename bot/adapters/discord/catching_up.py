"""Finding summonses that were posted while the bot was away."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord

from bot.adapters import TryLater
from bot.adapters.discord.rest import Rest

_log = logging.getLogger(__name__)

_FILE = "discord-seen{shards}.json"
_WRITE_SECONDS = 10.0
_SLACK = timedelta(seconds=60)
_MOST_CHANNELS = 500
_MOST_DIRECT_CHANNELS = 100
_MOST_MESSAGES = 200
_TRIES = 3
_PAUSE_SECONDS = 10.0

Channel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


class LastSeen:
    """Remembers, across restarts, from when on something that was posted may have been missed.

    While connected, that is nothing; when a connection begins, it is what came since the last one ended, until the
    bot has caught up.
    """

    def __init__(self, folder: Path, *, oldest: timedelta, shards: Sequence[int] = ()) -> None:
        """Keep it in a small file in ``folder``; never go back further than ``oldest``.

        ``shards`` are those of this bot, where several share the folder and the shards: each has a file of its own.
        """
        self._file = folder / _FILE.format(shards=f"-{min(shards)}" if shards else "")
        self._oldest = oldest
        self._moment: datetime | None = None
        self._message_id: int | None = None
        self._gap: int | None = None
        self._direct: dict[int, None] = {}
        self._connected = False

    async def load(self) -> None:
        """Read what an earlier process remembered."""
        try:
            known = json.loads(await asyncio.to_thread(self._file.read_text))
            self._moment = datetime.fromtimestamp(known["moment"], UTC)
            self._message_id, self._gap = known["message"], known["gap"]
            self._direct = dict.fromkeys(known["direct"])
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError):
            _log.warning("%s can't be read; what was posted while the bot was down is not picked up", self._file)

    @property
    def direct_channels(self) -> tuple[int, ...]:
        """The channels of direct messages that people wrote in lately; Discord doesn't list them."""
        return tuple(self._direct)

    def saw(self, message_id: int, *, direct_channel: int | None = None) -> None:
        """Note that a message has been seen to."""
        self._message_id = max(message_id, self._message_id or 0)
        if direct_channel is not None:
            self._direct.pop(direct_channel, None)
            self._direct[direct_channel] = None
            while len(self._direct) > _MOST_DIRECT_CHANNELS:
                del self._direct[next(iter(self._direct))]

    def begins(self) -> None:
        """Note that a session begins: everything comes in from now on, but what came before may have been missed."""
        if not self._connected:
            self._gap = self._gap or self._missed_since()
        self.goes_on()

    def goes_on(self) -> None:
        """Note that everything comes in, what was missed in between too."""
        self._connected, self._moment = True, datetime.now(UTC)

    def breaks_off(self) -> None:
        """Note that messages may be missed from now on."""
        self._connected = False

    @property
    def gap(self) -> int | None:
        """The snowflake after which messages may have been missed; ``None`` when there is nothing to pick up."""
        return self._gap

    async def caught_up(self) -> None:
        """Note that what was missed has been picked up."""
        self._gap = None
        await self.save()

    async def keep(self) -> None:
        """Write it down every few seconds while connected."""
        while True:
            if self._connected:
                self._moment = datetime.now(UTC)
                await self.save()
            await asyncio.sleep(_WRITE_SECONDS)

    async def save(self) -> None:
        """Write it down."""
        if self._moment is not None:
            content = {
                "moment": self._moment.timestamp(),
                "message": self._message_id,
                "gap": self._gap,
                "direct": list(self._direct),
            }
            await asyncio.to_thread(_write, self._file, json.dumps(content))

    def _missed_since(self) -> int | None:
        if self._moment is None or not self._oldest:
            return None
        horizon = datetime.now(UTC) - self._oldest
        if self._moment < horizon:
            return discord.utils.time_snowflake(horizon)
        if self._message_id is None:
            return discord.utils.time_snowflake(self._moment - _SLACK)
        # The last one seen rather than the time: the two machines' clocks needn't agree.
        return max(1, self._message_id - (int(_SLACK.total_seconds() * 1000) << 22))


async def catch_up(
    guilds: Iterable[discord.Guild], seen: LastSeen, rest: Rest, see_to: Callable[[discord.Message], Awaitable[None]]
) -> None:
    """Read what may have been missed, in all channels that the bot may read, and see to it.

    Messages that were seen to before do no harm: the ledger knows them.
    """
    since = seen.gap
    if since is None:
        return
    channels = [(channel.id, channel.guild.id) for guild in guilds for channel in _readable(guild, since)]
    places: list[tuple[int, int | None]] = [
        *channels[:_MOST_CHANNELS],
        *((each, None) for each in seen.direct_channels),
    ]
    messages = 0
    for channel_id, guild_id in places:
        for message in await _missed(channel_id, guild_id, since, rest):
            await see_to(message)
            messages += 1
    await seen.caught_up()
    _log.info("caught up on Discord: channels=%d messages=%d", len(places), messages)


def _readable(guild: discord.Guild, since: int) -> Iterator[Channel]:
    channels: list[Channel] = [*guild.text_channels, *guild.threads, *guild.voice_channels, *guild.stage_channels]
    for channel in channels:
        if channel.last_message_id is not None and channel.last_message_id <= since:
            continue
        permissions = channel.permissions_for(guild.me) if guild.me is not None else None
        if permissions is None or (permissions.view_channel and permissions.read_message_history):
            yield channel


async def _missed(channel_id: int, guild_id: int | None, since: int, rest: Rest) -> list[discord.Message]:
    for _ in range(_TRIES):
        try:
            return await rest.after(channel_id, since, limit=_MOST_MESSAGES, guild_id=guild_id)
        except discord.HTTPException as error:
            _log.info("a channel can't be caught up on: status=%d code=%d", error.status, error.code)
            return []
        except TryLater as error:
            await asyncio.sleep(error.retry_after or _PAUSE_SECONDS)
    return []


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{secrets.token_hex(4)}.part")  # others may be writing, too
    part.write_text(content)
    part.replace(file)
