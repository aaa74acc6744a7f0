"""The loopback Discord as tests use it: what people do there, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.platforms.discord.faults import Chance, Fault, Rule
from tests.platforms.discord.gateway import Gateway
from tests.platforms.discord.journal import Call
from tests.platforms.discord.permissions import NOTHING, ORDINARY, Permission
from tests.platforms.discord.state import MIB, Channel, File, Guild, Interaction, Message, Sticker, User
from tests.platforms.discord.watching import Watching

T = TypeVar("T")


class DiscordDouble(Watching):
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

    @contextmanager
    def files_held(self) -> Iterator[Callable[[], int]]:
        """Serve no file until the end of the ``with`` block; what it yields tells how many are waited for."""
        self._call(self._cdn.open.clear)
        try:
            yield lambda: self._cdn.waiting
        finally:
            self._call(self._cdn.open.set)

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

    def on_gateway(self, action: Callable[[Gateway], T]) -> T:
        """Do something to the gateway on its own thread: ``discord.on_gateway(Gateway.reconnect)``."""
        return self._call(lambda: action(self.gateway))

    # Inside

    def _deny(self, channel: Channel, user: User, denied: Permission) -> None:
        channel.denied[user.id] = channel.denied.get(user.id, Permission(0)) | denied
        self._world.channel_event("CHANNEL_UPDATE", channel)
