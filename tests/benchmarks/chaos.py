"""The whole bot on a loopback Reddit and a loopback Discord that fail at random, and people who call it meanwhile.

    python -m tests.benchmarks.chaos                          # ten minutes
    python -m tests.benchmarks.chaos --minutes 1 --seed 8     # other faults, the same for the same seed

Every summons has to end with exactly one answer. Printed beside that: what failed, how late the bot's event loop was,
its tasks and its memory at rest before and after.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import shutil
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from tests.end_to_end.discord.bot_on_discord import settings_for as discord_settings
from tests.end_to_end.photos import gray_photo
from tests.end_to_end.reddit.stage import settings_for as reddit_settings
from tests.end_to_end.running_bot import RunningBot, running_bot
from tests.inference.running_worker import RunningWorker
from tests.platforms.discord import DiscordDouble, File
from tests.platforms.discord.gateway import Gateway
from tests.platforms.reddit import RateLimit, RedditDouble

PEOPLE = 20
_PAUSE_SECONDS = 0.35
"""Between two summonses, on average."""
_GATEWAY_PAUSE_SECONDS = 20.0
"""Between two mishaps of the gateway, on average."""
_SETTLE_SECONDS = 120.0
"""In which everything has to be answered once nothing fails any more; long pauses after failures run out in it."""
_REST_SECONDS = 8.0
_PATIENCE_SECONDS = 30.0
"""How much longer the last retries may take; a task that leaked never ends."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen."""

    seconds: float
    summonses: dict[str, int]
    """How many there were, by platform."""
    lost: list[str]
    """Summonses without an answer: what they were, and when."""
    double: list[str]
    """Summonses with several answers."""
    faults: dict[str, int]
    gateway_faults: list[str]
    complaints: list[str]
    late_beats: int
    """How often the bot's event loop was late by more than 100 ms, of ``beats``."""
    beats: int
    tasks: tuple[int, int]
    """On the event loop at rest, before and after."""
    megabytes: tuple[int, int]
    """Held by the process at rest, before and after."""
    tracebacks: int
    median_seconds: dict[str, float]
    """From summons to answer, by platform."""


def run(seconds: float, *, seed: int, share: float, folder: Path) -> Report:
    """Let people call the bot for that long, while ``share`` (0 to 1) of all calls to the platforms fail."""
    with (
        RedditDouble(rate=RateLimit(100_000)) as reddit,
        DiscordDouble() as discord,
        _bot(folder, reddit, discord) as bot,
    ):
        chaos = _Chaos(reddit, discord, seed)
        chaos.warm_up()
        before = _at_rest(bot)
        began = time.monotonic()
        reddit.faults.at_random(seed, share)
        chance = discord.misbehave(seed, share)
        chaos.go_on(seconds)
        reddit.faults.at_random(seed, 0)
        discord.behave()
        chaos.settle()
        after = _at_rest(bot, tasks=before["tasks"])
        assert bot.process.poll() is None, "the bot has ended"
        answers = chaos.answers()
        return Report(
            seconds=round(time.monotonic() - began, 1),
            summonses=dict(Counter(asked.platform for asked, _ in answers)),
            lost=[asked.story for asked, number in answers if not number],
            double=[asked.story for asked, number in answers if number > 1],
            faults={"reddit": len(reddit.faults.by_chance), "discord": chance.struck},
            gateway_faults=chaos.mishaps,
            complaints=[*reddit.complaints, *discord.complaints],
            late_beats=int(after["late"] - before["late"]),
            beats=int(after["beats"] - before["beats"]),
            tasks=(int(before["tasks"]), int(after["tasks"])),
            megabytes=(int(before["megabytes"]), int(after["megabytes"])),
            tracebacks=bot.log.read_text().count("Traceback"),
            median_seconds={name: after[f"median {name}"] for name in ("reddit", "discord")},
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    platform: str
    story: str
    answers: Callable[[], int]


class _Chaos:
    def __init__(self, reddit: RedditDouble, discord: DiscordDouble, seed: int) -> None:
        self._reddit = reddit
        self._discord = discord
        self._random = random.Random(seed)
        self._channels = [discord.channel(discord.guild()) for _ in range(3)]
        self._people = [discord.user(f"person{number}") for number in range(PEOPLE)]
        self._posts: list[Any] = []
        self._asked: list[_Asked] = []
        self._photos = 0
        self._began = time.monotonic()
        self.mishaps: list[str] = []

    def warm_up(self) -> None:
        for platform in (self._summon_on_reddit, self._say_on_discord):
            platform()
        self.settle()

    def go_on(self, seconds: float) -> None:
        began = time.monotonic()
        next_mishap = began + self._random.expovariate(1 / _GATEWAY_PAUSE_SECONDS)
        while time.monotonic() < began + seconds:
            self._random.choice((self._summon_on_reddit, self._say_on_discord, self._use_the_command))()
            if time.monotonic() > next_mishap:
                mishap = self._random.choice((Gateway.reconnect, Gateway.drop, Gateway.invalidate))
                self._discord.on_gateway(mishap)
                self.mishaps.append(f"{mishap.__name__} {self._clock()}")
                next_mishap += self._random.expovariate(1 / _GATEWAY_PAUSE_SECONDS)
            time.sleep(self._random.expovariate(1 / _PAUSE_SECONDS))

    def settle(self) -> None:
        """Wait until everything is answered, or far longer than it should take."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < deadline and not all(number for _, number in self.answers()):
            time.sleep(0.5)

    def answers(self) -> list[tuple[_Asked, int]]:
        return [(asked, asked.answers()) for asked in self._asked]

    def _ask(self, platform: str, what: str, answers: Callable[[], int]) -> None:
        self._asked.append(_Asked(platform, f"{what} {self._clock()}", answers))

    def _clock(self) -> str:
        return f"after {time.monotonic() - self._began:.1f} s"

    def _summon_on_reddit(self) -> None:
        if len(self._posts) < 5 or self._random.random() < 0.3:
            self._posts.append(self._reddit.posts.image("pics", self._photo()))
        wish = self._random.choice(("colorizebot", "colorizebot vivid", "u/colorizebot soft", "please, ColorizeBot!"))
        author = f"person{self._random.randrange(PEOPLE)}"
        comment = self._reddit.comment(self._random.choice(self._posts), wish, author=author)
        self._ask("reddit", f"comment {comment.id}", lambda: len(self._reddit.answers_to(comment, gone=True)))

    def _say_on_discord(self) -> None:
        attachment = File("photo.jpg", self._photo())
        person, channel = self._random.choice(self._people), self._random.choice(self._channels)
        message = self._discord.says(person, channel, "colorizebot", attachments=[attachment])
        self._ask("discord", f"message {message.id}", lambda: len(self._discord.answers_to(message)))

    def _use_the_command(self) -> None:
        # Somebody new: an answer to a command that came too late mentions the person, and could be to any of theirs.
        person, channel = self._discord.user("passer-by"), self._random.choice(self._channels)
        attachment = File("photo.jpg", self._photo())
        if not self._discord.on_gateway(lambda gateway: gateway.live):
            return  # Discord itself tells people then that the application doesn't respond
        asked = self._discord.slash(person, "colorize", channel=channel, image=attachment)
        self._ask("discord", f"command {asked.id}", lambda: len(self._discord.answers_to(asked)))

    def _photo(self) -> bytes:
        self._photos += 1
        return gray_photo(160, 120, seed=self._photos)


@contextmanager
def _bot(folder: Path, reddit: RedditDouble, discord: DiscordDouble) -> Iterator[RunningBot]:
    reddit.world.subreddit("pics")
    with RunningWorker("--port", "0", folder=folder) as worker:
        worker.wait_ready()
        hosts = [reddit.studio.pictures.removeprefix("http://"), discord.cdn_host]
        settings = {
            **discord_settings(discord, worker.url),
            **reddit_settings(reddit, worker.url, REDDIT__HOSTING="web", REDDIT__ANSWERS_PER_USER_HOUR="10000"),
            "COLORIZEBOT_FETCH__ALLOW_PRIVATE": json.dumps(hosts),
            "COLORIZEBOT_LIMITS__REQUESTER_PER_HOUR": "10000",
            "COLORIZEBOT_LIMITS__COMMUNITY_PER_HOUR": "10000",
        }
        with running_bot(folder, **settings) as bot:
            discord.wait_until_connected()
            discord.wait_for_commands()
            yield bot


def _at_rest(bot: RunningBot, tasks: float = math.inf) -> dict[str, float]:
    """Return what the bot's metrics say when nothing has gone on for a while, and no more than ``tasks`` are left.

    When there are more in the end, the figures say so.
    """
    time.sleep(_REST_SECONDS)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (figures := _figures(bot))["tasks"] > tasks and time.monotonic() < deadline:
        time.sleep(1)
    return figures


def _figures(bot: RunningBot) -> dict[str, float]:
    with urllib.request.urlopen(f"{bot.url}/metrics", timeout=30) as page:
        families = {family.name: family for family in text_string_to_metric_families(page.read().decode())}
    lag = {
        sample.labels.get("le", sample.name): sample.value
        for sample in families[f"{_BOT}_event_loop_lag_seconds"].samples
    }
    beats = lag[f"{_BOT}_event_loop_lag_seconds_count"]
    status = Path(f"/proc/{bot.process.pid}/status").read_text(encoding="ascii")
    return {
        "beats": beats,
        "late": beats - lag["0.1"],
        "tasks": families[f"{_BOT}_tasks"].samples[0].value,
        "megabytes": int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024,
        **{
            f"median {name}": _median(families[f"{_BOT}_answer_seconds"].samples, name)
            for name in ("reddit", "discord")
        },
    }


def _median(samples: list[Any], platform: str) -> float:
    """Return the least bound of the histogram that half of the values don't exceed."""
    mine = [sample for sample in samples if sample.labels.get("platform") == platform]
    count = next(sample.value for sample in mine if sample.name.endswith("_count"))
    bounds = sorted((float(sample.labels["le"]), sample.value) for sample in mine if "le" in sample.labels)
    return next(bound for bound, below in bounds if below >= count / 2)


_BOT = "colorizebot"


def main() -> None:
    """Run as told and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.chaos")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=2016)
    parser.add_argument("--share", type=float, default=0.03, help="of all calls to the platforms that fail")
    parser.add_argument("--log", type=Path, help="where to keep the bot's log")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = run(arguments.minutes * 60, seed=arguments.seed, share=arguments.share, folder=Path(folder))
        if arguments.log:
            shutil.copy(Path(folder) / "bot.log", arguments.log)
    table = Table("", "", title="chaos", title_justify="left")
    for name, value in asdict(report).items():
        table.add_row(name.replace("_", " "), json.dumps(value))
    Console().print(table)


if __name__ == "__main__":
    main()
