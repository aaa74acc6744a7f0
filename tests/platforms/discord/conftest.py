"""Real discord.py, pointed at the loopback Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import discord
import pytest
import yarl
from discord import app_commands

from tests.platforms.discord import DiscordDouble


class Client(discord.AutoShardedClient):
    """Collects what the gateway tells, and offers the commands that a picture bot would."""

    def __init__(self, intents: discord.Intents) -> None:
        super().__init__(intents=intents, guild_ready_timeout=0.2)
        self.heard: asyncio.Queue[discord.Message] = asyncio.Queue()
        self.used: asyncio.Queue[discord.Interaction] = asyncio.Queue()
        self.log: list[str] = []
        self.tree = app_commands.CommandTree(self)

        @self.tree.command(name="colorize", description="Recolor a photo")
        @app_commands.allowed_installs(guilds=True, users=True)
        @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
        async def colorize(
            interaction: discord.Interaction, image: discord.Attachment | None = None, private: bool = False
        ) -> None:
            self.image, self.private = image, private

        @self.tree.context_menu(name="Colorize")
        async def menu(interaction: discord.Interaction, message: discord.Message) -> None:
            self.target = message

    async def next_heard(self) -> discord.Message:
        return await asyncio.wait_for(self.heard.get(), 60)

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.heard.put_nowait(message)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.used.put_nowait(interaction)

    async def on_resumed(self) -> None:
        self.log.append("resumed")

    async def on_disconnect(self) -> None:
        self.log.append("disconnect")

    async def on_ready(self) -> None:
        self.log.append("ready")


LogIn = Callable[..., Awaitable[Client]]


@pytest.fixture
async def double() -> AsyncIterator[DiscordDouble]:
    # With the client in the same process, an acknowledgement may take longer than Discord's three seconds.
    async with DiscordDouble(check_own_answers=True, acknowledge_seconds=60) as running:
        yield running
        assert running.complaints == []
        assert running.journal.own_faults == []


@pytest.fixture
async def log_in(double: DiscordDouble, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LogIn]:
    """Start a client at the double, and wait until it is ready."""
    clients: list[tuple[Client, asyncio.Task[None]]] = []

    async def start(at: DiscordDouble = double, *, content: bool = True) -> Client:
        monkeypatch.setattr("discord.http.Route.BASE", at.api_url)
        monkeypatch.setattr("discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY", yarl.URL(at.gateway_url))
        intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=content)
        client = Client(intents)
        running = asyncio.create_task(client.start(at.token))
        clients.append((client, running))
        ready = asyncio.create_task(client.wait_until_ready())
        done, _ = await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running in done:
            ready.cancel()
            running.result()
        await ready
        while any(guild.unavailable for guild in client.guilds):  # what it didn't wait for
            await asyncio.sleep(0.01)
        return client

    yield start
    for client, running in clients:
        await client.close()
        await asyncio.wait({running}, timeout=5)
