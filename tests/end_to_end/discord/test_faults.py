"""The fault matrix: each call to Discord goes wrong in each way, and everybody is answered exactly once.

All cases run at the same time in one bot; each has a channel of its own, and its fault strikes there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import Tell
from tests.end_to_end.discord.bot_on_discord import bot_on_discord
from tests.end_to_end.discord.scene import Asked, Scene, photo
from tests.platforms.discord import Channel, DiscordDouble, Fault, Message, User
from tests.platforms.discord.faults import Rule

PATIENCE = 100.0
FAULTS = (
    Fault.RATE_LIMITED,
    Fault.CLOUDFLARE_BAN,
    Fault.ERROR,
    Fault.UNAVAILABLE,
    Fault.BAD_GATEWAY_AFTER,
    Fault.ERROR_AFTER,
    Fault.DISCONNECT,
    Fault.DISCONNECT_AFTER,
    Fault.MALFORMED,
    Fault.TRUNCATED,
    Fault.SLOW,
)
ALL_LIMITED = Fault.GLOBALLY_RATE_LIMITED


@dataclass
class Place:
    """Where one case happens."""

    discord: DiscordDouble
    channel: Channel
    user: User
    shown: Message | None = None
    """A photo from before the bot came."""

    def message(self) -> Asked:
        return self.discord.says(self.user, self.channel, "colorizebot", attachments=[photo()])

    def after_a_photo(self) -> Asked:
        return self.discord.says(self.user, self.channel, "colorizebot")

    def slash(self) -> Asked:
        return self.discord.slash(self.user, channel=self.channel, image=photo())

    def late_slash(self) -> Asked:
        asked = self.discord.slash(self.user, channel=self.channel, image=photo())
        self.discord.end_token(asked)
        return asked


@dataclass
class Case:
    """One call, one fault."""

    name: str
    place: Place
    rule: Rule
    ask: Callable[[], Asked]
    asked: Asked | None = field(default=None)

    def answers(self) -> list[Message]:
        assert self.asked is not None
        return self.place.discord.answers_to(self.asked)

    def answered(self) -> bool:
        return any(answer.attachments for answer in self.answers())

    def trouble(self) -> str:
        if not self.rule.struck:
            return "the fault never struck"
        count, pictures = len(self.answers()), sum(bool(answer.attachments) for answer in self.answers())
        return "" if (count, pictures) == (1, 1) else f"{count} answers, {pictures} with a picture"


CALLS: dict[str, tuple[Callable[[Place], Callable[[], Asked]], str, str]] = {
    "summons read": (lambda place: place.message, "GET", r"/messages/\d+$"),
    "typing": (lambda place: place.message, "POST", r"/typing$"),
    "reply posted": (lambda place: place.message, "POST", r"/messages$"),
    "history read": (lambda place: place.after_a_photo, "GET", r"/messages$"),
    "acknowledged": (lambda place: place.slash, "POST", r"/callback$"),
    "response edited": (lambda place: place.slash, "PATCH", r"/messages/@original$"),
    "posted when the token had run out": (lambda place: place.late_slash, "POST", r"/channels/\d+/messages$"),
}


def make_cases(discord: DiscordDouble) -> list[Case]:
    guild = discord.guild()
    cases = []
    for name, (way, method, path) in CALLS.items():
        for fault in (*FAULTS, ALL_LIMITED):
            channel, user = discord.channel(guild, name), discord.user(f"{name} {fault}")
            shown = discord.says(discord.owner, channel, "look", attachments=[photo()])
            place = Place(discord, channel, user, shown)
            rule = discord.fail(
                fault,
                method,
                path,
                seconds=0.7,
                when=lambda call, channel=channel: discord.channel_of(call) is channel,
            )
            cases.append(Case(f"{name}: {fault}", place, rule, way(place)))
    return cases


def test_each_call_goes_wrong_in_each_way(discord: DiscordDouble, worker_url: str, tmp_path: Path, tell: Tell) -> None:
    cases = make_cases(discord)
    with bot_on_discord(tmp_path / "bot", discord, worker_url, COLORIZEBOT_LIMITS__PARALLEL="24") as bot:
        for case in cases:
            case.asked = case.ask()
        deadline = time.monotonic() + PATIENCE
        while not all(case.answered() for case in cases) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(2)
        failures = {case.name: trouble for case in cases if (trouble := case.trouble())}
        tell(f"Discord, faults: {len(cases) - len(failures)} of {len(cases)} answered exactly once")
        assert failures == {}
        assert bot.end() is None
        scene = Scene(discord)
        scene.picture(discord.slash(scene.ada, channel=scene.channel, image=photo()))
        assert bot.stop() == 0
    assert_clean(discord, bot.log_text())


def test_buttons_and_deletes_go_wrong_in_each_way(
    discord: DiscordDouble, worker_url: str, tmp_path: Path, tell: Tell
) -> None:
    guild = discord.guild()
    with bot_on_discord(tmp_path / "bot", discord, worker_url, COLORIZEBOT_LIMITS__PARALLEL="24") as bot:
        places = []
        for fault in FAULTS:
            for button, method, path in (
                ("Softer", "POST", "/callback$"),
                ("Softer", "PATCH", "/@original$"),
                ("Delete", "POST", "/callback$"),
                ("Delete", "DELETE", "/messages/"),
            ):
                place = Place(discord, discord.channel(guild), discord.user("somebody"))
                places.append((fault, button, method, path, place, place.message()))
        for *_, asked in places:
            discord.wait_for(lambda asked=asked: discord.answers_to(asked), "an answer", PATIENCE)
        pressed = []
        for fault, button, method, path, place, asked in places:
            channel = place.channel
            rule = discord.fail(
                fault, method, path, seconds=0.7, when=lambda call, channel=channel: discord.channel_of(call) is channel
            )
            press = discord.press(place.user, discord.answers_to(asked)[0], button)
            pressed.append((f"{button}, {method} {path}: {fault}", rule, button, asked, press))

        def done(button: str, asked: Asked, press: Asked) -> bool:
            if button == "Delete":
                return not discord.answers_to(asked)
            return len([answer for answer in discord.answers_to(press) if answer.attachments]) == 1

        deadline = time.monotonic() + PATIENCE
        while not all(done(*case[2:]) for case in pressed) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(2)
        failures = [(case[0], case[1].struck) for case in pressed if not done(*case[2:]) or not case[1].struck]
        tell(f"Discord, faults at buttons: {len(pressed) - len(failures)} of {len(pressed)} done exactly once")
        assert failures == []
        assert bot.end() is None
    assert_clean(discord, bot.log_text())


def assert_clean(discord: DiscordDouble, log: str) -> None:
    """Make sure that nothing unforeseen happened, and that no secret and nothing that people wrote is in the log."""
    assert "Traceback" not in log, log[-4000:]
    assert [secret for secret in discord.secrets if secret in log] == []
    assert "photo.jpg" not in log
