"""Finding summonses that were posted while the bot was away."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord

from bot.adapters import TryLater
from bot.adapters.discord.rest import Rest

_log = logging.getLogger(__name__)

_FILE = "discord-seen.json"
_WRITE_SECONDS = 10.0
_SLACK = timedelta(seconds=60)
_MOST_CHANNELS = 500
_MOST_MESSAGES = 200
_TRIES = 3
_PAUSE_SECONDS = 10.0

Channel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


class LastSeen:
    """Remembers, across restarts, until when everything that was posted has been seen."""

    def __init__(self, folder: Path, *, oldest: timedelta) -> None:
        """Keep it in a small file in ``folder``; never go back further than ``oldest``."""
        self._file = folder / _FILE
        self._oldest = oldest
        self._moment: datetime | None = None
        self._message_id: int | None = None
        self._connected = False

    async def load(self) -> None:
        """Read what an earlier process remembered."""
        try:
            known = json.loads(await asyncio.to_thread(self._file.read_text))
            self._moment = datetime.fromtimestamp(known["moment"], UTC)
            self._message_id = known["message"]
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError):
            _log.warning("%s can't be read; what was posted while the bot was down is not picked up", self._file)

    def saw(self, message_id: int) -> None:
        """Note that a message has been seen to."""
        self._message_id = max(message_id, self._message_id or 0)

    def connected(self, connected: bool) -> None:
        """Note whether everything that is posted comes in from now on."""
        self._connected = connected
        if connected:
            self._moment = datetime.now(UTC)

    def missed_since(self) -> int | None:
        """Return the snowflake after which messages may have been missed; ``None`` when nothing is to be picked up."""
        if self._moment is None or not self._oldest:
            return None
        horizon = datetime.now(UTC) - self._oldest
        if self._moment < horizon:
            return discord.utils.time_snowflake(horizon)
        if self._message_id is None:
            return discord.utils.time_snowflake(self._moment - _SLACK)
        # The last one seen rather than the time: the two machines' clocks needn't agree.
        return max(0, self._message_id - (int(_SLACK.total_seconds() * 1000) << 22))

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
            content = {"moment": self._moment.timestamp(), "message": self._message_id}
            await asyncio.to_thread(_write, self._file, json.dumps(content))


async def catch_up(
    guilds: Iterable[discord.Guild], since: int, rest: Rest, see_to: Callable[[discord.Message], Awaitable[None]]
) -> None:
    """Read what was posted after ``since`` in all channels that the bot may read, and see to it.

    Messages that were seen to before do no harm: the ledger knows them.
    """
    channels = [channel for guild in guilds for channel in _readable(guild, since)][:_MOST_CHANNELS]
    messages = 0
    for channel in channels:
        for message in await _missed(channel, since, rest):
            await see_to(message)
            messages += 1
    _log.info("caught up on Discord: channels=%d messages=%d", len(channels), messages)


def _readable(guild: discord.Guild, since: int) -> Iterator[Channel]:
    channels: list[Channel] = [*guild.text_channels, *guild.threads, *guild.voice_channels, *guild.stage_channels]
    for channel in channels:
        if channel.last_message_id is not None and channel.last_message_id <= since:
            continue
        permissions = channel.permissions_for(guild.me) if guild.me is not None else None
        if permissions is None or (permissions.view_channel and permissions.read_message_history):
            yield channel


async def _missed(channel: Channel, since: int, rest: Rest) -> list[discord.Message]:
    for _ in range(_TRIES):
        try:
            return await rest.after(channel.id, since, limit=_MOST_MESSAGES, guild_id=channel.guild.id)
        except discord.HTTPException as error:
            _log.info("a channel can't be caught up on: status=%d code=%d", error.status, error.code)
            return []
        except TryLater as error:
            await asyncio.sleep(error.retry_after or _PAUSE_SECONDS)
    return []


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(content)
    part.replace(file)
