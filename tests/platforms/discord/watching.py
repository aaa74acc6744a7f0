"""What the bot has said, as people on Discord see it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from tests.platforms.discord.premises import PATIENCE, Premises
from tests.platforms.discord.state import Channel, Interaction, Message, User

T = TypeVar("T")


class Watching(Premises):
    """Looks at answers, and waits for them."""

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

    def wait_for_answer(self, asked: Message | Interaction, timeout: float = PATIENCE) -> Message:
        """Wait until there is an answer with a file, text or components; return the first."""
        return self.wait_for(lambda: self.answers_to(asked), f"an answer to {asked}", timeout)[0]

    def wait_until_connected(self, timeout: float = PATIENCE) -> None:
        """Wait until a bot has identified."""
        self.wait_for(lambda: self._call(lambda: self.gateway.live), "a bot to identify", timeout)

    def wait_for_commands(self, timeout: float = PATIENCE) -> list[dict[str, Any]]:
        return self.wait_for(lambda: self.commands, "commands to be registered", timeout)

    def wait_for(self, look: Callable[[], T], what: str, timeout: float = PATIENCE) -> T:
        """Look until something is there; blocks the calling thread."""
        deadline = time.monotonic() + timeout
        while not (found := look()):
            if time.monotonic() > deadline:
                recent = [f"{c.method} {c.path[:60]} {c.status} {c.fault or ''}" for c in self.calls[-12:]]
                raise AssertionError(f"waited in vain for {what}; the last calls: {recent}")
            time.sleep(0.02)
        return found


def _calls(message: Message, user: User) -> bool:
    """Whether a message of the bot, that answers no other, is meant for somebody."""
    return message.interaction is None and message.reply_to is None and user.mention in message.content
