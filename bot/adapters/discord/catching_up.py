"""Finding summonses that were posted while the bot was away."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord

from bot.adapters import TryLater
from bot.adapters.discord.rest import Rest

_log = logging.getLogger(__name__)

_FILE = "discord-seen{shards}.json"
_WRITE_SECONDS = 10.0
_SLACK = timedelta(seconds=120)
"""Longer than it takes to notice that a connection is dead."""
_MOST_CHANNELS = 500
_MOST_DIRECT_CHANNELS = 100
_MOST_MESSAGES = 200
_TRIES = 3
_PAUSE_SECONDS = 10.0
_ARRIVAL_SECONDS = 60.0
"""How long guilds may take to come in; Discord may keep back some that it has trouble with for hours."""
_LOOK_SECONDS = 0.1

Channel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


@dataclass(frozen=True, slots=True)
class _Break:
    """Up to where everything was seen."""

    moment: datetime
    message_id: int | None


class LastSeen:
    """Remembers, across restarts, from when on something that was posted may have been missed.

    While a shard is connected, that is nothing; when it begins a session, it is what came since its last one ended,
    until the bot has caught up. What an earlier process missed, every shard may have missed.
    """

    def __init__(self, folder: Path, *, oldest: timedelta, shards: Sequence[int] = ()) -> None:
        """Keep it in a small file in ``folder``; never go back further than ``oldest``.

        ``shards`` are those of this bot, where several share the folder and the shards: each has a file of its own.
        """
        self._file = folder / _FILE.format(shards=f"-{min(shards)}" if shards else "")
        self._oldest = oldest
        self._moment: datetime | None = None
        self._message_id: int | None = None
        self._direct: dict[int, None] = {}
        self._connected: set[int] = set()
        self._gaps: dict[int, int | None] = {}
        self._breaks: dict[int, _Break | None] = {}
        self._earlier_gap: int | None = None
        self._earlier_break: _Break | None = None

    async def load(self) -> None:
        """Read what an earlier process remembered."""
        try:
            known = json.loads(await asyncio.to_thread(self._file.read_text))
            self._moment = datetime.fromtimestamp(known["moment"], UTC)
            self._message_id, self._earlier_gap = known["message"], known["gap"]
            self._direct = dict.fromkeys(known["direct"])
            self._earlier_break = self._now
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

    def begins(self, shard: int) -> None:
        """Note that a shard's session begins: all comes in from now on, but what came before may have been missed."""
        if shard not in self._connected:
            known = self._gaps.get(shard, self._earlier_gap)
            missed = self._missed_since(self._breaks.get(shard, self._earlier_break))
            self._gaps[shard] = _least(known, missed)
        self.goes_on(shard)

    def goes_on(self, shard: int) -> None:
        """Note that everything comes in on a shard, what was missed in between too."""
        self._breaks.pop(shard, None)
        self._connected.add(shard)
        self._moment = datetime.now(UTC)

    def breaks_off(self, *shards: int) -> None:
        """Note that messages may be missed from now on; on all shards unless some are named."""
        for shard in self._connected.intersection(shards or self._connected):
            self._connected.remove(shard)
            self._breaks[shard] = self._now

    def all_there(self) -> None:
        """Note that every shard has begun a session."""
        self._earlier_gap = self._earlier_break = None

    def gap(self, shard: int) -> int | None:
        """Return the snowflake after which a shard may have missed messages; ``None`` for nothing to pick up."""
        return self._gaps.get(shard)

    async def caught_up(self, shard: int) -> None:
        """Note that what a shard missed has been picked up."""
        self._gaps[shard] = None
        await self.save()

    async def keep(self) -> None:
        """Write it down every few seconds while connected."""
        while True:
            if self._connected:
                self._moment = datetime.now(UTC)
                try:
                    await self.save()
                except OSError as error:
                    _log.warning("%s can't be written (%s)", self._file, type(error).__name__)
            await asyncio.sleep(_WRITE_SECONDS)

    async def save(self) -> None:
        """Write it down; while a shard is away, what counts is when it broke off."""
        ends = [at for at in (self._now, self._earlier_break, *self._breaks.values()) if at is not None]
        seen = min(ends, key=lambda at: (at.moment, at.message_id or 0), default=None)
        if seen is not None:
            content = {
                "moment": seen.moment.timestamp(),
                "message": seen.message_id,
                "gap": _least(self._earlier_gap, *self._gaps.values()),
                "direct": list(self._direct),
            }
            await asyncio.to_thread(_write, self._file, json.dumps(content))

    @property
    def _now(self) -> _Break | None:
        return None if self._moment is None else _Break(self._moment, self._message_id)

    def _missed_since(self, at: _Break | None) -> int | None:
        if at is None or not self._oldest:
            return None
        horizon = datetime.now(UTC) - self._oldest
        if at.moment < horizon:
            return discord.utils.time_snowflake(horizon)
        if at.message_id is None:
            return discord.utils.time_snowflake(at.moment - _SLACK)
        # The last one seen rather than the time: the two machines' clocks needn't agree.
        return max(1, at.message_id - (int(_SLACK.total_seconds() * 1000) << 22))


async def catch_up(
    shard: int,
    guilds: Iterable[discord.Guild],
    seen: LastSeen,
    rest: Rest,
    see_to: Callable[[discord.Message], Awaitable[None]],
) -> None:
    """Read what a shard may have missed, in all channels that the bot may read, and see to it.

    Messages that were seen to before do no harm: the ledger knows them. A guild's channels are known only once it has
    come in, which discord.py waits a moment for, and this a while longer.
    """
    since = seen.gap(shard)
    if since is None:
        return
    own = [guild for guild in guilds if guild.shard_id == shard]
    await _arrived(own)
    channels = [(channel.id, channel.guild.id) for guild in own for channel in _readable(guild, since)]
    if len(channels) > _MOST_CHANNELS:
        _log.warning("of %d channels, %d are caught up on", len(channels), _MOST_CHANNELS)
    direct = seen.direct_channels if shard == 0 else ()  # where Discord sends direct messages
    places: list[tuple[int, int | None]] = [*channels[:_MOST_CHANNELS], *((each, None) for each in direct)]
    messages = 0
    for channel_id, guild_id in places:
        for message in await _missed(channel_id, guild_id, since, rest):
            await see_to(message)
            messages += 1
    await seen.caught_up(shard)
    _log.info("caught up on Discord: shard=%d channels=%d messages=%d", shard, len(places), messages)


async def _arrived(guilds: Iterable[discord.Guild]) -> None:
    deadline = asyncio.get_running_loop().time() + _ARRIVAL_SECONDS
    while late := sum(guild.unavailable for guild in guilds):
        if asyncio.get_running_loop().time() > deadline:
            _log.warning("of %d servers, Discord tells nothing; what was missed there is not picked up", late)
            return
        await asyncio.sleep(_LOOK_SECONDS)


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


def _least(*snowflakes: int | None) -> int | None:
    return min((each for each in snowflakes if each is not None), default=None)


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{secrets.token_hex(4)}.part")  # others may be writing, too
    try:
        part.write_text(content)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
