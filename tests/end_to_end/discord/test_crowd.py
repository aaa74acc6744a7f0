"""Many people at once, and a long bad day: nothing lost, nothing double, nobody left waiting behind somebody else."""

from __future__ import annotations

import os
import random
import re
import threading
import time
from pathlib import Path
from typing import Self

from tests.conftest import Tell
from tests.end_to_end.discord.bot_on_discord import BotOnDiscord, bot_on_discord
from tests.end_to_end.discord.scene import Asked, Scene, photo
from tests.platforms.discord import DiscordDouble, Gateway, Interaction, Message

CROWD, PEOPLE, FROM_ONE = 200, 20, 67
CHAOS_SECONDS = float(os.environ.get("CHAOS_SECONDS", "15"))
"""How long the bad day is: CI takes a short one, ``CHAOS_SECONDS=600`` is the full one."""
CHAOS_SEED = int(os.environ.get("CHAOS_SEED", "1"))
_MOST_MEMORY = 400 * 2**20
_LONGEST_BLOCK = 0.1
_BAD_WORDS = ("Traceback", "was destroyed but it is pending", "never retrieved", "never awaited")


def test_two_hundred_summonses_of_twenty_people(
    discord: DiscordDouble, worker_url: str, tmp_path: Path, tell: Tell
) -> None:
    guild = discord.guild()
    channels = [discord.channel(guild, f"channel-{number}") for number in range(8)]
    people = [discord.user(f"person-{number}") for number in range(PEOPLE)]
    askers = [people[0]] * FROM_ONE + [people[1 + number % (PEOPLE - 1)] for number in range(CROWD - FROM_ONE)]
    with bot_on_discord(tmp_path / "bot", discord, worker_url) as bot:
        discord.slow_files(1.0)
        asked: list[Asked] = []
        for number, person in enumerate(askers):
            channel = channels[number % len(channels)]
            if number % 4 == 3:
                asked.append(discord.slash(person, channel=channel, image=photo(width=40, height=30)))
            else:
                said = discord.says(person, channel, "colorizebot", attachments=[photo(width=40, height=30)])
                asked.append(said)
        discord.slow_files(0)
        order = answered_in_order(discord, asked, seconds=90)
        time.sleep(1)
        counts = [len(with_pictures(discord, one)) for one in asked]
        memory = resident_bytes(bot)
    tell(f"Discord, a crowd: {counts.count(1)} of {CROWD} answered exactly once, {memory / 2**20:.0f} MiB")
    assert counts == [1] * CROWD
    first_answers = {person: order.index(person) for person in people}
    assert max(first_answers.values()) < FROM_ONE, "somebody waited behind everything that one person asked"
    assert memory < _MOST_MEMORY


def test_a_bad_day(discord: DiscordDouble, worker_url: str, tmp_path: Path, tell: Tell) -> None:
    chance = random.Random(CHAOS_SEED)
    scene = Scene(discord)
    channels = [scene.channel, *(discord.channel(scene.guild, f"channel-{number}") for number in range(5))]
    asked: list[Asked] = []
    limits = {"COLORIZEBOT_LIMITS__COMMUNITY_PER_HOUR": "1000000"}
    with bot_on_discord(tmp_path / "bot", discord, worker_url, **limits) as bot, Metronome() as metronome:
        faults = discord.misbehave(CHAOS_SEED, 0.15, seconds=0.5)
        discord.on_gateway(lambda gateway: setattr(gateway, "repeat_on_resume", 5))
        ends = time.monotonic() + CHAOS_SECONDS
        hurts_next = time.monotonic() + 2
        while time.monotonic() < ends:
            asked.append(ask_somehow(discord, chance, discord.user(f"person {len(asked)}"), chance.choice(channels)))
            if time.monotonic() > hurts_next:
                hurts_next = time.monotonic() + chance.uniform(3, 9)
                discord.on_gateway(chance.choice([Gateway.reconnect, Gateway.drop, close_with_4000, Gateway.reconnect]))
            time.sleep(chance.uniform(0.02, 0.3))
        discord.behave()
        discord.wait_for(lambda: all(with_pictures(discord, one) for one in asked), "all answers", 120)
        time.sleep(3)
        wrong = [one for one in asked if len(with_pictures(discord, one)) != 1]
        late, beats = late_beats(bot)
        assert bot.end() is None
        assert bot.stop() == 0
    tell(
        f"Discord, a bad day of {CHAOS_SECONDS:.0f} s: {len(asked) - len(wrong)} of {len(asked)} answered "
        f"exactly once, {faults.struck} faults, {late} of {beats} beats of its loop late by over "
        f"100 ms ({metronome.late} of a metronome beside it)"
    )
    assert wrong == []
    assert late <= 1 + metronome.late + beats // 2000, "something blocks the event loop"
    log = bot.log_text()
    assert not [word for word in _BAD_WORDS if word in log], log[-6000:]


class Metronome:
    """Counts how often this machine is too busy to wake a sleeper within 100 ms, whatever the bot does."""

    def __init__(self) -> None:
        self.late = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _tick(self) -> None:
        while not self._over.is_set():
            due = time.monotonic() + 0.05
            time.sleep(0.05)
            self.late += time.monotonic() - due > _LONGEST_BLOCK


def close_with_4000(gateway: Gateway) -> None:
    gateway.close_all(4000)


def ask_somehow(discord: DiscordDouble, chance: random.Random, person: object, channel: object) -> Asked:
    way = chance.random()
    if way < 0.5:
        files = [photo(width=50, height=40) for _ in range(chance.choice([1, 1, 3]))]
        return discord.says(person, channel, "colorizebot", attachments=files)
    if way < 0.8:
        return discord.slash(person, channel=channel, image=photo(width=50, height=40))
    return discord.menu(person, discord.says(person, channel, "look", attachments=[photo(width=50, height=40)]))


def with_pictures(discord: DiscordDouble, asked: Asked) -> list[Message]:
    return [answer for answer in discord.answers_to(asked) if answer.attachments]


def answered_in_order(discord: DiscordDouble, asked: list[Asked], seconds: float) -> list[object]:
    """Wait for all answers; return who asked, in the order in which they were seen to be answered."""
    order: list[object] = []
    waiting = list(asked)
    deadline = time.monotonic() + seconds
    while waiting and time.monotonic() < deadline:
        for one in list(waiting):
            if with_pictures(discord, one):
                waiting.remove(one)
                order.append(one.user if isinstance(one, Interaction) else one.author)
        time.sleep(0.02)
    assert not waiting, f"{len(waiting)} were not answered"
    return order


def resident_bytes(bot: BotOnDiscord) -> int:
    status = Path(f"/proc/{bot.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def late_beats(bot: BotOnDiscord) -> tuple[int, int]:
    """Return how often the event loop was late by more than ``_LONGEST_BLOCK``, and how often it was measured."""
    text = bot.get("/metrics").decode()
    buckets = re.findall(r'colorizebot_event_loop_lag_seconds_bucket\{le="([^"]+)"\} ([\d.e+]+)', text)
    counts = {float(bound): int(float(count)) for bound, count in buckets}
    return counts[float("inf")] - counts[_LONGEST_BLOCK], counts[float("inf")]
