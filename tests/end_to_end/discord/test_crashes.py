"""The crash matrix: the bot is killed at each step of a request's life, started again, and answers exactly once.

Every case has a Discord and a bot of its own; several run at a time. An interaction that the dying bot had not written
down is lost to any bot, as Discord tells it once: the person sees that the app did not respond, asks again, and must
get one answer then.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import Tell
from tests.end_to_end.discord.bot_on_discord import BotOnDiscord, bot_on_discord
from tests.end_to_end.discord.scene import Asked, Scene, photo
from tests.platforms.discord import DiscordDouble, Message, Permission

AT_A_TIME = 6
SAMPLED_LINES = int(os.environ.get("SAMPLED_LINES", "4"))
"""Lines of code at which the bot is killed, for each way to ask; CI takes a few, ``SAMPLED_LINES=10000`` all."""
_DEATH_SECONDS = 40.0
_LAST_LINES_SECONDS = 3.0
"""How long after its answer the bot may still come to the line at which it dies; not every line is run each time."""
_CAUGHT_UP_SECONDS = 3.2

_LEDGER, _STORAGE, _ADAPTER = "bot.ledger.ledger:Ledger", "bot.storage:Storage", "bot.adapters.discord:DiscordAdapter"
ALL_LIFE = [
    "before bot.intake:Intake.take",
    f"before {_LEDGER}.record",
    f"after {_LEDGER}.record",
    "after bot.intake:Intake.take",
    f"before {_LEDGER}.claim",
    f"after {_LEDGER}.claim",
    f"before {_ADAPTER}.locate",
    f"after {_ADAPTER}.locate",
    f"after {_LEDGER}.located",
    "before bot.fetching:Fetcher.fetch",
    "after bot.fetching:Fetcher.fetch",
    f"after {_STORAGE}.save_input",
    "before bot.recolorer:Recolorer.recolor",
    "after bot.recolorer:Recolorer.recolor",
    f"after {_STORAGE}.save_picture",
    f"before {_LEDGER}.decided",
    f"after {_LEDGER}.decided",
    f"before {_ADAPTER}.answer",
    f"after {_ADAPTER}.answer",
    f"before {_LEDGER}.delivered",
    f"after {_LEDGER}.delivered",
]
MESSAGE_LIFE = [
    *ALL_LIFE,
    r"before GET /channels/\d+/messages/\d+$",
    r"after GET /channels/\d+/messages/\d+$",
    r"after POST /channels/\d+/typing$",
    f"before {_LEDGER}.noted",
    f"after {_LEDGER}.noted",
    r"before POST /channels/\d+/messages$",
    r"after POST /channels/\d+/messages$",
]
CALLBACK_AND_EDIT = [
    r"before POST /callback$",
    r"after POST /callback$",
    r"before PATCH /messages/@original$",
    r"after PATCH /messages/@original$",
]
SLASH_LIFE = [
    "before bot.intake:Intake.take",
    f"before {_LEDGER}.record",
    f"after {_LEDGER}.record",
    "after bot.intake:Intake.take",
    f"after {_LEDGER}.claim",
    f"after {_STORAGE}.save_picture",
    f"after {_LEDGER}.decided",
    f"before {_ADAPTER}.answer",
    f"after {_ADAPTER}.answer",
    f"before {_LEDGER}.delivered",
    *CALLBACK_AND_EDIT,
]
BUTTON_LIFE = [
    f"after {_LEDGER}.record",
    f"after {_LEDGER}.claim",
    f"after {_LEDGER}.decided",
    f"before {_LEDGER}.delivered",
    *CALLBACK_AND_EDIT,
]
POSTING = [r"before POST /channels/\d+/messages$", r"after POST /channels/\d+/messages$"]
TWICE = [
    rf"after POST /channels/\d+/messages$ then before {_LEDGER}.delivered",
    rf"after {_LEDGER}.record then after POST /channels/\d+/messages$",
    r"before POST /channels/\d+/messages$ then after POST /channels/\d+/messages$",
]
DELETING = ["before bot.intake:Intake.withdraw", "after bot.intake:Intake.withdraw", "after DELETE /messages/"]


def by_message(scene: Scene) -> Asked:
    return scene.discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()])


def by_slash(scene: Scene) -> Asked:
    return scene.discord.slash(scene.ada, channel=scene.channel, image=photo())


def by_button(scene: Scene) -> Asked:
    answered = next(answer for answer in scene.discord.said_in(scene.channel) if answer.attachments)
    return scene.discord.press(scene.eve, answered, "Softer")


def unseen(scene: Scene) -> Asked:
    """Ask where the bot can't look whether its answer is there."""
    scene.discord.deny(scene.channel, scene.discord.bot, Permission.READ_MESSAGE_HISTORY)
    return by_message(scene)


def too_late(scene: Scene) -> Asked:
    """Ask so that the answer has to be a message of its own."""
    asked = by_slash(scene)
    scene.discord.end_token(asked)
    return asked


Ask = Callable[[Scene], Asked]
WAYS: dict[str, tuple[Ask, list[str]]] = {
    "message": (by_message, MESSAGE_LIFE),
    "slash": (by_slash, SLASH_LIFE),
    "button": (by_button, BUTTON_LIFE),
    "twice": (by_message, TWICE),
    "no history": (unseen, POSTING),
    "late": (too_late, POSTING),
}


@pytest.mark.timeout(600)
def test_killed_at_each_step(worker_url: str, tmp_path: Path, tell: Tell) -> None:
    cases = [(way, step) for way, (_, steps) in WAYS.items() for step in steps]
    failures = run_all(cases, worker_url, tmp_path)
    tell(f"Discord, killed at each step: {len(cases) - len(failures)} of {len(cases)} answered exactly once")
    assert failures == {}


def test_killed_at_lines_of_code(worker_url: str, tmp_path: Path, tell: Tell) -> None:
    cases = []
    for way in ("message", "slash"):
        count = lines_of(way, worker_url, tmp_path / f"count-{way}")
        step = max(1, count // SAMPLED_LINES)
        cases += [(way, f"line {line}") for line in range(1 + step // 2, count + 1, step)]
    failures = run_all(cases, worker_url, tmp_path)
    tell(f"Discord, killed at lines: {len(cases) - len(failures)} of {len(cases)} answered exactly once")
    assert failures == {}


def run_all(cases: Iterable[tuple[str, str]], worker_url: str, folder: Path) -> dict[tuple[str, str], str]:
    """Run the cases, several at a time; return what went wrong by case."""

    def run(numbered: tuple[int, tuple[str, str]]) -> tuple[tuple[str, str], str]:
        number, (way, step) = numbered
        try:
            die_and_live_again(way, step, worker_url, folder / f"case-{number}")
        except (AssertionError, TimeoutError) as error:
            return (way, step), str(error) or repr(error)
        return (way, step), ""

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return {case: fault for case, fault in pool.map(run, enumerate(cases)) if fault}


def die_and_live_again(way: str, step: str, worker_url: str, folder: Path) -> None:
    ask = WAYS[way][0]
    step, *later = step.split(" then ")
    with DiscordDouble() as discord:
        scene = Scene(discord)
        with bot_on_discord(folder, discord, worker_url, arguments=mortal(step)) as bot:
            may_live = step.startswith("line")
            asked, died = ask_the_dying(scene, bot, way, ask, may_live=may_live)
        assert died or may_live, "it never came to that step"
        for next_step in later:
            die_again(folder, discord, worker_url, next_step)
        with bot_on_discord(folder, discord, worker_url) as bot:
            began = time.monotonic()
            written_down = is_written_down(folder, asked)
            if not isinstance(asked, Message) and not written_down:
                asked = ask(scene)
            discord.wait_for(lambda: pictures(discord, asked), "an answer", 40)
            time.sleep(max(0.5, began + _CAUGHT_UP_SECONDS - time.monotonic()))
            assert len(pictures(discord, asked)) == 1, f"{len(pictures(discord, asked))} answers"
            extra = [message for message in discord.answers_to(asked) if not message.attachments]
            assert extra == [], f"more was said: {extra}"
            assert bot.end() is None
            log = bot.log_text()
        assert "Traceback" not in log, log[-2000:]
        assert discord.complaints == []


def die_again(folder: Path, discord: DiscordDouble, worker_url: str, step: str) -> None:
    with bot_on_discord(folder, discord, worker_url, arguments=mortal(f"at once {step}"), connected=False) as bot:
        discord.wait_for(lambda: bot.end() is not None, "the bot to die again", _DEATH_SECONDS)
        assert bot.end() == -signal.SIGKILL


def test_killed_while_deleting(worker_url: str, tmp_path: Path) -> None:
    """Whoever presses Delete again after that gets rid of the answer."""
    for number, step in enumerate(DELETING):
        with DiscordDouble() as discord:
            scene, folder = Scene(discord), tmp_path / str(number)
            with bot_on_discord(folder, discord, worker_url, arguments=mortal(step)) as bot:
                answer = scene.picture(by_slash(scene))
                bot.process.send_signal(signal.SIGUSR1)
                time.sleep(0.1)
                discord.press(scene.ada, answer, "Delete")
                discord.wait_for(lambda bot=bot: bot.end() is not None, f"the bot to die {step}")
            with bot_on_discord(folder, discord, worker_url):
                if answer in discord.said_in(scene.channel):
                    discord.press(scene.ada, answer, "Delete")
                discord.wait_for(
                    lambda scene=scene, discord=discord: not discord.said_in(scene.channel),
                    f"it to be gone, {step}",
                )


def lines_of(way: str, worker_url: str, folder: Path) -> int:
    """Return how many lines of the bot's code are run for one request."""
    with DiscordDouble() as discord:
        scene = Scene(discord)
        with bot_on_discord(folder, discord, worker_url, arguments=mortal("line 0")) as bot:
            bot.process.send_signal(signal.SIGUSR1)
            time.sleep(0.2)
            asked = WAYS[way][0](scene)
            discord.wait_for(lambda: pictures(discord, asked), "an answer", 40)
            time.sleep(0.3)
            bot.stop()
    return int((folder / "lines.txt").read_text())


def mortal(step: str) -> tuple[str, ...]:
    return ("-m", "tests.end_to_end.discord.mortal_bot", step)


def ask_the_dying(scene: Scene, bot: BotOnDiscord, way: str, ask: Ask, *, may_live: bool) -> tuple[Asked, bool]:
    """Ask, and wait for the bot's end; unless it ``may_live``, that is sure to come."""
    if way == "button":
        scene.picture(by_slash(scene))
    bot.process.send_signal(signal.SIGUSR1)
    time.sleep(0.1)
    asked = ask(scene)
    deadline = time.monotonic() + _DEATH_SECONDS
    while bot.end() is None and time.monotonic() < deadline:
        time.sleep(0.02)
        if may_live and pictures(scene.discord, asked):
            deadline, may_live = min(deadline, time.monotonic() + _LAST_LINES_SECONDS), False
    return asked, bot.end() == -signal.SIGKILL


def is_written_down(folder: Path, asked: Asked) -> bool:
    """Whether the ledger knows of it."""
    with sqlite3.connect(folder / "data" / "colorizebot.sqlite3") as ledger:
        found = ledger.execute("SELECT count(*) FROM requests WHERE message_id = ?", (str(asked.id),)).fetchone()
    return bool(found[0])


def pictures(discord: DiscordDouble, asked: Asked) -> list[object]:
    return [message for message in discord.answers_to(asked) if message.attachments]
