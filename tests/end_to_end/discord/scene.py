"""Who is there and what they do, for tests that read as stories."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from tests.end_to_end.photos import chroma_of, gray_photo
from tests.platforms.discord import DiscordDouble, File, Interaction, Message

PATIENCE = 40.0
_TIMES = 4
_seeds = itertools.count(1)

Asked = Message | Interaction


def photo(name: str = "photo.jpg", width: int = 120, height: int = 90) -> File:
    """Return a gray photo that nobody has sent before."""
    return File(name, gray_photo(width, height, seed=next(_seeds)))


class Scene:
    """A guild with a channel; Ada asks, Mo moderates, Eve is somebody else."""

    def __init__(self, discord: DiscordDouble) -> None:
        self.discord = discord
        self.guild = discord.guild()
        self.channel = discord.channel(self.guild)
        self.ada, self.eve, self.mo = discord.user("ada"), discord.user("eve"), discord.user("mo")
        discord.promote(self.mo, self.guild)

    def answer(self, asked: Asked) -> Message:
        """Wait for the one answer to somebody; look again a moment later that there is no second."""
        return only_answer(self.discord, asked)

    def picture(self, asked: Asked, count: int = 1) -> Message:
        """Wait for the one answer, which has to hold that many recolored pictures."""
        answer = only_picture(self.discord, asked, count)
        for attachment in answer.attachments:
            assert chroma_of(attachment.data) > 0.2, "it is as gray as before"
        return answer

    def picture_promptly(self, ask: Callable[[], Interaction]) -> Message:
        """Have a picture asked for, and make sure that it is acknowledged within a second.

        A busy machine may stand still for that long, but not each time.
        """
        for _ in range(_TIMES):
            asked = ask()
            answer = self.picture(asked)
            if asked.acknowledged is not None and asked.acknowledged < 1:
                return answer
        raise AssertionError("it is acknowledged late each time")

    def silence(self, asked: Asked, seconds: float = 1.5) -> None:
        """Make sure that there is no answer."""
        time.sleep(seconds)
        assert self.discord.answers_to(asked) == []


def only_answer(discord: DiscordDouble, asked: Asked, settle: float = 0.3) -> Message:
    answer = discord.wait_for_answer(asked, PATIENCE)
    time.sleep(settle)
    [same] = discord.answers_to(asked)
    assert same is answer
    return answer


def only_picture(discord: DiscordDouble, asked: Asked, count: int = 1, settle: float = 0.2) -> Message:
    discord.wait_for(
        lambda: any(answer.attachments for answer in discord.answers_to(asked)), "an answer with a picture", PATIENCE
    )
    time.sleep(settle)
    [answer] = discord.answers_to(asked)
    assert len(answer.attachments) == count
    return answer
