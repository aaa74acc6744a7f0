"""The Discord adapter: keeps a connection going, and locates and answers through it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.adapters import Located, TryLater
from bot.adapters.discord.answering import Answering
from bot.adapters.discord.catching_up import LastSeen
from bot.adapters.discord.client import ColorizeClient, GatewayUnreachable
from bot.adapters.discord.goodbyes import keep_reasons
from bot.adapters.discord.locating import Locating
from bot.adapters.discord.manners import Manners
from bot.adapters.discord.notes import PLATFORM
from bot.adapters.discord.quiet import keep_quiet
from bot.adapters.discord.watching import STREAM
from bot.assembly import Parts
from bot.intake import Intake
from bot.problems import OperatorError
from bot.settings import DiscordSettings
from bot.vocabulary import Outcome, Request

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_STEADY_SECONDS = 60.0
_BAD_TOKEN_PAUSE_SECONDS = 300.0
_LOGIN_PATIENCE_SECONDS = 10.0
_AUTHENTICATION_FAILED = 4004
_TOKEN_SETTING = "COLORIZEBOT_DISCORD__TOKEN"  # noqa: S105 - a setting's name


class DiscordAdapter:
    """Listens and answers on Discord."""

    def __init__(self, parts: Parts) -> None:
        """Use these parts of the bot."""
        self._parts = parts
        self._settings = parts.settings.discord
        self._message_content = self._settings.message_content
        self._client: ColorizeClient | None = None
        self._logged_in = asyncio.Event()
        self._ever_logged_in = False
        self._announced = False
        self._making_smaller = asyncio.Lock()

    @property
    def name(self) -> str:
        """The platform's name."""
        return PLATFORM

    async def run(self, intake: Intake, announce: Callable[[str], None]) -> None:
        """Keep a connection going until cancelled.

        Raises ``OperatorError`` when Discord refuses the token at the first login. A token that stops working later is
        reported in the log and tried again now and then, so that the bot's other platforms go on.
        """
        keep_quiet()
        keep_reasons()
        self._parts.metrics.listening(PLATFORM, STREAM)
        _point_to(self._settings)
        seen = LastSeen(
            self._parts.settings.data_dir,
            oldest=timedelta(minutes=self._settings.catch_up_minutes),
            shards=self._settings.shard_ids,
        )
        await seen.load()
        clock = asyncio.get_running_loop().time
        pause = _FIRST_PAUSE_SECONDS
        while True:
            began = clock()
            wait = await self._connect_once(intake, announce, seen)
            if clock() - began > _STEADY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            if wait is None:
                wait, pause = pause, min(2 * pause, _LONGEST_PAUSE_SECONDS)
            _log.info("connecting to Discord again in %g s", wait)
            await asyncio.sleep(wait)

    async def locate(self, request: Request) -> Located:
        """Return the photos that a request is about."""
        client = await self._connected()
        return await Locating(client.rest, self._parts.settings, Manners(self._parts)).locate(request)

    async def answer(self, request: Request, outcome: Outcome) -> str:
        """Deliver the outcome; returns the id of the message that carries it."""
        client = await self._connected()
        parts = self._parts
        answering = Answering(client.rest, parts.ledger, parts.storage, parts.links, one_at_a_time=self._making_smaller)
        async with client.waiting.answering(request.id):
            return str(await answering.deliver(request, outcome))

    async def _connected(self) -> ColorizeClient:
        try:
            async with asyncio.timeout(_LOGIN_PATIENCE_SECONDS):
                await self._logged_in.wait()
        except TimeoutError:
            raise TryLater("not connected to Discord") from None
        if self._client is None:
            raise TryLater("not connected to Discord")
        return self._client

    async def _connect_once(self, intake: Intake, announce: Callable[[str], None], seen: LastSeen) -> float | None:
        """Connect and stay; return after how many seconds to try again, ``None`` for ever longer pauses."""
        try:
            await self._stay_connected(intake, announce, seen)
        except discord.LoginFailure:
            return self._token_refused()
        except discord.PrivilegedIntentsRequired:
            self._message_content = False
            _log.warning(
                "Discord refuses the message content intent, so trigger words are not heard; commands, "
                "Apps > Colorize, mentions and direct messages work. To switch it on: "
                "discord.com/developers/applications > your application > Bot > Message Content Intent; "
                "to do without it: COLORIZEBOT_DISCORD__MESSAGE_CONTENT=false."
            )
            return 0.0
        except discord.ConnectionClosed as error:
            if error.code == _AUTHENTICATION_FAILED:
                return self._token_refused()
            _log.warning("Discord closed the connection: code=%s", error.code)
        except (
            discord.HTTPException,
            discord.RateLimited,
            discord.GatewayNotFound,
            GatewayUnreachable,
            aiohttp.ClientError,
            OSError,
            TimeoutError,
            ValueError,
        ) as error:
            _log.warning("Discord can't be reached: %s %s", type(error).__name__, error)
        return None

    async def _stay_connected(self, intake: Intake, announce: Callable[[str], None], seen: LastSeen) -> None:
        token = self._settings.token
        if token is None:
            raise OperatorError(f"{_TOKEN_SETTING} is not set.")

        def online() -> None:
            if not self._announced:
                self._announced = True
                announce(_presence(client))

        client = ColorizeClient(self._parts, intake, message_content=self._message_content, seen=seen, online=online)
        try:
            async with client:
                await client.login(token.get_secret_value())
                self._client, self._ever_logged_in = client, True
                self._logged_in.set()
                await _until_it_ends(client)
        finally:
            self._client = None
            self._logged_in.clear()
            await seen.save()

    def _token_refused(self) -> float:
        advice = (
            f"Discord refuses the bot's token; set {_TOKEN_SETTING} to the one from "
            "discord.com/developers/applications > your application > Bot > Reset Token."
        )
        if not self._ever_logged_in:
            raise OperatorError(advice)
        _log.error("%s Then start the bot again.", advice)
        return _BAD_TOKEN_PAUSE_SECONDS


async def _until_it_ends(client: discord.Client) -> None:
    """Stay on the gateway until that ends, or this is cancelled.

    In a task of its own: discord.py swallows a cancellation at some moments, and would stay for good.
    """
    connection = asyncio.create_task(client.connect())
    try:
        await asyncio.wait([connection])
    finally:
        await client.close()
        while not connection.done():
            connection.cancel()
            await asyncio.wait([connection], timeout=1)
        error = None if connection.cancelled() else connection.exception()
    if error is not None:
        raise error


def _point_to(settings: DiscordSettings) -> None:
    """Make discord.py talk to where the operator says."""
    if settings.api_url is not None:
        Route.BASE = settings.api_url
    if settings.gateway_url is not None:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.gateway_url)


def _presence(client: discord.Client) -> str:
    servers = len(client.guilds)
    name = client.user.name if client.user is not None else "?"
    return f"@{name} in {servers} server{'' if servers == 1 else 's'}"
