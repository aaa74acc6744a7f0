"""The loopback Discord as tests use it: a thread with three ports, for the API, the gateway and the CDN."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from tests.platforms.discord.cdn import Cdn
from tests.platforms.discord.description import load_description
from tests.platforms.discord.faults import Chance, Fault, Faults, Rule
from tests.platforms.discord.gateway import MESSAGE_CONTENT_INTENT, Gateway
from tests.platforms.discord.interactions import Interactions
from tests.platforms.discord.journal import Call, Journal
from tests.platforms.discord.people import People
from tests.platforms.discord.permissions import NOTHING, ORDINARY, Permission
from tests.platforms.discord.rendering import guild_document, user_document
from tests.platforms.discord.server import PREFIX, Server
from tests.platforms.discord.state import MIB, Channel, File, Guild, Interaction, Message, Sticker, User
from tests.platforms.discord.world import Rules, World

T = TypeVar("T")
_PATIENCE = 30.0


class DiscordDouble:
    """A Discord with one application and its bot.

    Everything lives on a thread of its own; all methods may be called from anywhere, with or without an event loop:

        async with DiscordDouble() as discord:
            guild = discord.guild("photos")
            channel = discord.channel(guild)
            ...                                     # let a bot log in at discord.api_url with discord.token
            discord.wait_until_connected()
            asked = discord.says(discord.user("ada"), channel, "colorizebot", attachments=[File("a.jpg", photo)])
            answer = discord.wait_for_answer(asked)

    What it hands out (messages, interactions) is live: it changes as the bot edits.
    """

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

    # Starting and stopping

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(_PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
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

    # Making a world

    def user(self, name: str, *, closed_to_bots: bool = False) -> User:
        def make() -> User:
            user = self._world.new_user(name)
            user.closed_to_bots = closed_to_bots
            return user

        return self._call(make)

    def guild(
        self,
        name: str = "photos",
        *,
        everyone: Permission = ORDINARY,
        filesize_limit: int = 10 * MIB,
        has_bot: bool = True,
    ) -> Guild:
        """Make a guild; ``everyone`` is what all members may do, ``has_bot=False`` is one without the bot."""
        return self._call(lambda: self._world.new_guild(name, everyone, filesize_limit, has_bot))

    def channel(
        self, guild: Guild, name: str = "general", *, nsfw: bool = False, bot_lacks: Permission = NOTHING
    ) -> Channel:
        """Make a text channel where the bot lacks some permissions."""

        def make() -> Channel:
            channel = self._world.new_channel(guild, name, nsfw=nsfw)
            if bot_lacks:
                self._deny(channel, self.bot, bot_lacks)
            return channel

        return self._call(make)

    def thread(self, parent: Channel, name: str = "a thread") -> Channel:
        """Begin a public thread in a text channel."""
        return self._call(lambda: self._world.new_thread(parent, name))

    def direct(self, user: User) -> Channel:
        """Return the direct messages between somebody and the bot."""
        return self._call(lambda: self._world.direct_channel(user))

    def group(self, *users: User) -> Channel:
        """Make a private channel between people, without the bot."""
        return self._call(lambda: self._world.group_channel(*users))

    def promote(self, user: User, guild: Guild, allowed: Permission = Permission.MANAGE_MESSAGES) -> None:
        """Give somebody a role; as a moderator unless said otherwise."""
        self._call(lambda: guild.members.__setitem__(user.id, allowed))

    def deny(self, channel: Channel, user: User, denied: Permission) -> None:
        """Take permissions away from somebody in a channel."""
        self._call(lambda: self._deny(channel, user, denied))

    def remove_channel(self, channel: Channel) -> None:
        def remove() -> None:
            self._world.channel_event("CHANNEL_DELETE", channel)
            channel.gone = True

        self._call(remove)

    def page(self, name: str, data: bytes, content_type: str = "image/jpeg") -> str:
        """Put a file on somebody's web site (the CDN's port, for simplicity); return its address."""
        return self._call(lambda: self._cdn.keep_page(name, data, content_type))

    # What people do

    def says(
        self,
        user: User,
        channel: Channel,
        content: str = "",
        *,
        attachments: Sequence[File] = (),
        reply_to: Message | None = None,
        ping: bool = True,
        embeds: Sequence[dict[str, Any]] = (),
        stickers: Sequence[tuple[Sticker, bytes]] = (),
    ) -> Message:
        """Let somebody write; a reply pings the other author unless ``ping`` is off."""
        return self._call(
            lambda: self._people.says(
                user,
                channel,
                content,
                attachments=attachments,
                reply_to=reply_to,
                ping=ping,
                embeds=embeds,
                stickers=stickers,
            )
        )

    def unfurls(self, message: Message, pictures: dict[str, bytes]) -> None:
        """Add embeds for the message's links (address: picture), which Discord does a moment later."""
        self._call(lambda: self._people.unfurls(message, pictures))

    def forwards(self, user: User, channel: Channel, original: Message) -> Message:
        return self._call(lambda: self._people.forwards(user, channel, original))

    def edits(self, message: Message, content: str) -> None:
        self._call(lambda: self._people.edits(message, content))

    def deletes(self, message: Message) -> None:
        """Delete somebody's message, as its author or a moderator does."""
        self._call(lambda: self._people.deletes(message))

    def slash(
        self, user: User, name: str = "colorize", *, channel: Channel, user_installed: bool = False, **options: Any
    ) -> Interaction:
        """Let somebody use a slash command; ``File`` for attachment options. Raises ``NotOffered``."""
        return self._call(lambda: self._people.slash(user, channel, name, options, user_installed=user_installed))

    def menu(
        self, user: User, message: Message, name: str | None = None, *, user_installed: bool = False
    ) -> Interaction:
        """Let somebody use Apps > ``name`` on a message. Raises ``NotOffered``."""
        return self._call(lambda: self._people.menu(user, name, message, user_installed=user_installed))

    def press(self, user: User, message: Message, button: str) -> Interaction:
        """Let somebody press a button, by its label or custom id. Raises ``NotOffered``."""
        return self._call(lambda: self._people.press(user, message, button))

    # What happens to links and tokens

    def expire_links(self, message: Message) -> None:
        """Let all links to the message's files that were handed out so far have run out."""
        self._call(lambda: [self._cdn.expire(attachment) for attachment in message.attachments])

    def expire_links_when_followed(self, message: Message) -> None:
        """Let the links have run out when somebody first follows one; links that are made later are good."""
        self._call(lambda: self._cdn.expiring.update(attachment.id for attachment in message.attachments))

    def slow_files(self, seconds: float) -> None:
        """Serve each file that late from now on."""
        self._call(lambda: setattr(self._cdn, "delay", seconds))

    def end_token(self, interaction: Interaction) -> None:
        """Let the interaction's token have run out, as after a quarter of an hour."""
        self._call(lambda: setattr(interaction, "ended", True))

    # What goes wrong

    def fail(self, fault: Fault, method: str = "*", path: str = ".*", **options: Any) -> Rule:
        """Let matching calls fail, once unless ``times`` says otherwise; see `Rule`."""
        rule = Rule(fault, method, path, **options)
        self._call(lambda: self.faults.rules.append(rule))
        return rule

    def channel_of(self, call: Call) -> Channel | None:
        """Return the channel that a call is about, be it named or behind an interaction's token."""
        for part in call.path.split("/"):
            if interaction := self._world.interactions.get(part):
                return interaction.channel
        parts = call.path.split("/")
        return self._world.channels.get(int(parts[2])) if parts[1] == "channels" and parts[2].isdigit() else None

    def misbehave(self, seed: int, probability: float, **options: Any) -> Chance:
        """Let any call fail by seeded chance, until `behave`."""
        chance = Chance(seed, probability, **options)
        self._call(lambda: setattr(self.faults, "chance", chance))
        return chance

    def behave(self) -> None:
        self._call(lambda: (setattr(self.faults, "chance", None), self.faults.rules.clear()))

    def open_gateway(self) -> None:
        """Take connections from now on."""
        asyncio.run_coroutine_threadsafe(self._open_gateway(), self._loop).result(_PATIENCE)

    def close_gateway(self) -> None:
        """Cut all connections, and refuse new ones."""
        asyncio.run_coroutine_threadsafe(self._close_gateway(), self._loop).result(_PATIENCE)

    def on_gateway(self, action: Callable[[Gateway], T]) -> T:
        """Do something to the gateway on its own thread: ``discord.on_gateway(Gateway.reconnect)``."""
        return self._call(lambda: action(self.gateway))

    # What the bot has said

    def said_in(self, channel: Channel) -> list[Message]:
        """Return all that the bot has said in a channel and not taken back, hidden answers included.

        A response that still shows the app thinking has said nothing yet.
        """
        return self._call(
            lambda: [message for message in channel.messages.values() if message.author is self.bot and message.spoken]
        )

    def answers_to(self, asked: Message | Interaction) -> list[Message]:
        """Return the bot's answers to a message or an interaction, in order.

        For a message: its replies, and messages after it that mention its author without replying to anybody. For an
        interaction: its response (once it has said something), follow-ups, and messages that mention the person.
        """

        def find() -> list[Message]:
            channel = asked.channel
            own = [m for m in channel.messages.values() if m.author is self.bot and m.spoken and m.id > asked.id]
            if isinstance(asked, Interaction):
                return [m for m in own if m.interaction is asked or _calls(m, asked.user)]
            return [m for m in own if m.reply_to is asked or _calls(m, asked.author)]

        return self._call(find)

    def wait_for_answer(self, asked: Message | Interaction, timeout: float = _PATIENCE) -> Message:
        """Wait until there is an answer with a file, text or components; return the first."""
        return self.wait_for(lambda: self.answers_to(asked), f"an answer to {asked}", timeout)[0]

    def wait_until_connected(self, timeout: float = _PATIENCE) -> None:
        """Wait until a bot has identified."""
        self.wait_for(lambda: self._call(lambda: self.gateway.live), "a bot to identify", timeout)

    def wait_for_commands(self, timeout: float = _PATIENCE) -> list[dict[str, Any]]:
        return self.wait_for(lambda: self.commands, "commands to be registered", timeout)

    def wait_for(self, look: Callable[[], T], what: str, timeout: float = _PATIENCE) -> T:
        """Look until something is there; blocks the calling thread."""
        deadline = time.monotonic() + timeout
        while not (found := look()):
            if time.monotonic() > deadline:
                recent = [f"{c.method} {c.path[:60]} {c.status} {c.fault or ''}" for c in self.calls[-12:]]
                raise AssertionError(f"waited in vain for {what}; the last calls: {recent}")
            time.sleep(0.02)
        return found

    # Inside

    def _call(self, action: Callable[[], T]) -> T:
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            return action()

        async def act() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(_PATIENCE)

    def _deny(self, channel: Channel, user: User, denied: Permission) -> None:
        channel.denied[user.id] = channel.denied.get(user.id, Permission(0)) | denied
        self._world.channel_event("CHANNEL_UPDATE", channel)

    async def _start(self) -> None:
        api = await self._serve(self._server.application(), 0)
        cdn = await self._serve(self._cdn.application(), 0)
        self._world.api_base = f"http://127.0.0.1:{api}{PREFIX}"
        self._cdn.base = f"http://127.0.0.1:{cdn}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._gateway_port = free.getsockname()[1]
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


def _calls(message: Message, user: User) -> bool:
    """Whether a message of the bot, that answers no other, is meant for somebody."""
    return message.interaction is None and message.reply_to is None and user.mention in message.content
