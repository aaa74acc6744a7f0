"""Where the loopback Discord lives: a thread with three ports, for the API, the gateway and the CDN."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from tests.platforms.discord.cdn import Cdn
from tests.platforms.discord.description import load_description
from tests.platforms.discord.faults import Faults
from tests.platforms.discord.gateway import MESSAGE_CONTENT_INTENT, Gateway
from tests.platforms.discord.interactions import Interactions
from tests.platforms.discord.journal import Call, Journal
from tests.platforms.discord.people import People
from tests.platforms.discord.rendering import guild_document, user_document
from tests.platforms.discord.server import PREFIX, Server
from tests.platforms.discord.state import User
from tests.platforms.discord.world import Rules, World
from tests.ports import free_port

T = TypeVar("T")
PATIENCE = 30.0


class Premises:
    """Starts and stops it, and does things on its thread."""

    def __init__(self, *, gateway_open: bool = True, **rules: Any) -> None:
        """``rules`` are those of `Rules`; ``gateway_open=False`` refuses connections until `open_gateway`."""
        self.rules = Rules(**rules)
        self.faults = Faults()
        self.journal = Journal()
        self.gateway = Gateway(self.rules.heartbeat_seconds)
        self._cdn = Cdn(self.rules.link_seconds)
        self._world = World(self.rules, self._cdn, self.gateway)
        self.gateway.host = _Host(self._world)
        self._server = Server(self._world, load_description(), self.faults, self.journal)
        self._people = People(self._world, Interactions(self._world))
        self._gateway_open = gateway_open
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="discord-double")
        self._runners: list[web.AppRunner] = []
        self._gateway_runner: web.AppRunner | None = None
        self._gateway_port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    @property
    def token(self) -> str:
        return self.rules.token

    @property
    def api_url(self) -> str:
        return self._world.api_base

    @property
    def gateway_url(self) -> str:
        return self.gateway.url

    @property
    def cdn_host(self) -> str:
        """The CDN as ``host:port``, for the list of private hosts that may be fetched from."""
        return self._cdn.base.removeprefix("http://")

    @property
    def cdn_url(self) -> str:
        return self._cdn.base

    @property
    def bot(self) -> User:
        return self._world.bot

    @property
    def owner(self) -> User:
        """Who owns all guilds, and may do everything there."""
        return self._world.owner

    @property
    def complaints(self) -> list[str]:
        """How the bot's requests break Discord's description of its API; has to stay empty."""
        return self.journal.complaints

    @property
    def calls(self) -> list[Call]:
        return self.journal.calls

    @property
    def secrets(self) -> list[str]:
        """The bot's token and those of all interactions: what no log may hold."""
        return self._call(lambda: [self.rules.token, *self._world.interactions])

    @property
    def commands(self) -> list[dict[str, Any]]:
        """The registered application commands."""
        return self._call(lambda: list(self._world.commands.values()))

    def open_gateway(self) -> None:
        """Take connections from now on."""
        asyncio.run_coroutine_threadsafe(self._open_gateway(), self._loop).result(PATIENCE)

    def close_gateway(self) -> None:
        """Cut all connections, and refuse new ones."""
        asyncio.run_coroutine_threadsafe(self._close_gateway(), self._loop).result(PATIENCE)

    def _call(self, action: Callable[[], T]) -> T:
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            return action()

        async def act() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(PATIENCE)

    async def _start(self) -> None:
        api = await self._serve(self._server.application(), 0)
        cdn = await self._serve(self._cdn.application(), 0)
        self._world.api_base = f"http://127.0.0.1:{api}{PREFIX}"
        self._cdn.base = f"http://127.0.0.1:{cdn}"
        self._gateway_port = free_port()
        self.gateway.url = f"ws://127.0.0.1:{self._gateway_port}"
        if self._gateway_open:
            await self._open_gateway()

    async def _stop(self) -> None:
        await self._close_gateway()
        for runner in self._runners:
            await runner.cleanup()
        await asyncio.sleep(0)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, app: web.Application, port: int) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=512).start()
        self._runners.append(runner)
        return int(runner.addresses[0][1])

    async def _open_gateway(self) -> None:
        app = web.Application()
        app.router.add_get("/", self.gateway.connect)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._gateway_port, reuse_address=True).start()
        self._gateway_runner = runner

    async def _close_gateway(self) -> None:
        self.gateway.drop()
        if self._gateway_runner is not None:
            await self._gateway_runner.cleanup()
            self._gateway_runner = None


class _Host:
    """What the gateway asks of the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def is_token(self, token: str) -> bool:
        return token == self._world.rules.token

    def privileged_intents(self) -> int:
        return MESSAGE_CONTENT_INTENT if self._world.rules.message_content else 0

    def ready(self) -> dict[str, Any]:
        world = self._world
        return {
            "v": 10,
            "user": {**user_document(world.bot), "verified": True, "mfa_enabled": True, "email": None},
            "user_settings": {},
            "session_type": "normal",
            "relationships": [],
            "private_channels": [],
            "presences": [],
            "guild_join_requests": [],
            "geo_ordered_rtc_regions": [],
            "application": {"id": str(world.bot.id), "flags": world.application_flags},
            "_trace": ["double"],
        }

    def guilds(self) -> list[tuple[int, dict[str, Any]]]:
        world = self._world
        return [(guild.id, guild_document(guild, world.bot)) for guild in world.guilds.values() if guild.has_bot]
