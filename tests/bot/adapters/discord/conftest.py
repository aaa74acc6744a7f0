"""What the tests of the Discord adapter share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.bot.adapters.discord.seat import Seat, seated, until
from tests.platforms.discord import Channel, DiscordDouble, Guild, User


@pytest.fixture(autouse=True)
def _back_to_discord() -> Iterator[None]:
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    yield
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, yarl.URL(gateway)


@pytest.fixture
async def discord() -> AsyncIterator[DiscordDouble]:
    """A Discord that holds every request of the bot against Discord's own description.

    It waits longer than the real one for an interaction to be acknowledged: the bot shares a process with it here.
    """
    async with DiscordDouble(acknowledge_seconds=60) as running:
        yield running
        assert running.complaints == []


@pytest.fixture
def guild(discord: DiscordDouble) -> Guild:
    return discord.guild()


@pytest.fixture
def channel(discord: DiscordDouble, guild: Guild) -> Channel:
    return discord.channel(guild)


@pytest.fixture
def ada(discord: DiscordDouble) -> User:
    return discord.user("ada")


@pytest.fixture
async def seat(tmp_path: Path, discord: DiscordDouble, channel: Channel) -> AsyncIterator[Seat]:
    """A bot at work that is online."""
    async with seated(tmp_path, discord) as running:
        await until(lambda: running.announced, "the bot to be online")
        await until(lambda: discord.commands, "the commands")
        yield running
