"""Several bots, real processes, on one real PostgreSQL: what one of them takes, all of them know."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.ledger import open_ledger
from tests.end_to_end.discord.bot_on_discord import BotOnDiscord, bot_on_discord
from tests.end_to_end.gated_worker import GatedWorker, gated_worker
from tests.end_to_end.photos import gray_photo
from tests.end_to_end.running_bot import RunningBot, running_bot, wait_for
from tests.platforms.discord import Channel, DiscordDouble, File, Message
from tests.postgresql import PostgresqlServer

LEASE_SECONDS = 10.0
"""Longer than a bot stands still on a busy machine: others are not to take over from it for that."""
SHORT_LEASE_SECONDS = 2.0
"""For tests that wait until it has run out."""
PHOTO = gray_photo(64, 48)


@pytest.fixture
def worker() -> Iterator[GatedWorker]:
    with gated_worker() as running:
        yield running


@pytest.fixture
def lease_seconds() -> float:
    return LEASE_SECONDS


@pytest.fixture
def settings(tmp_path: Path, worker: GatedWorker, postgresql: PostgresqlServer, lease_seconds: float) -> dict[str, str]:
    return {
        "COLORIZEBOT_DATABASE_URL": postgresql.new_database(),
        "COLORIZEBOT_DATA_DIR": str(tmp_path / "shared"),
        "COLORIZEBOT_LEASE_SECONDS": str(lease_seconds),
        "COLORIZEBOT_INFERENCE_URL": worker.url,
        "COLORIZEBOT_LIMITS__DRAIN_SECONDS": "3",
    }


@pytest.fixture
def bots(tmp_path: Path, settings: dict[str, str]) -> Iterator[list[RunningBot]]:
    """Two bots behind which there is the same everything."""
    with ExitStack() as stack:
        running = []
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            running.append(stack.enter_context(running_bot(tmp_path / name, **settings)))
        yield running


class Follower(threading.Thread):
    """Somebody whose page is open at a bot; ``states`` is what it was told."""

    def __init__(self, bot: RunningBot, request_id: str) -> None:
        super().__init__(daemon=True)
        self.url = f"{bot.url}/api/events?id={request_id}"
        self.states: list[str] = []
        self.deleted = False
        self.start()

    def run(self) -> None:
        with urllib.request.urlopen(self.url, timeout=60) as stream:
            event = ""
            for line in stream:
                name, _, value = line.decode().strip().partition(": ")
                if name == "event":
                    event = value
                elif name == "data" and event == "status":
                    self.states.append(json.loads(value)["state"])
                elif name == "data":
                    self.deleted = event == "deleted"


def entry_of(url: str, request_id: str) -> Any:
    async def look() -> Any:
        async with open_ledger(url) as ledger:
            return await ledger.by_id(request_id)

    return asyncio.run(look())


def test_a_bot_killed_in_mid_work_is_inherited_from_and_whoever_watches_elsewhere_sees_the_end(
    bots: list[RunningBot], worker: GatedWorker, settings: dict[str, str]
) -> None:
    one, other = bots
    request_id = one.post(PHOTO)
    assert wait_for(lambda: worker.asked, "the photo at the worker") == 1
    follower = Follower(other, request_id)
    wait_for(lambda: "working" in follower.states, "the follower to hear of the work")
    one.kill()
    wait_for(lambda: worker.asked == 2, "the other bot to ask the worker")
    worker.gate.set()
    follower.join(30)
    assert follower.states[-1] == "answered"
    status = other.status(request_id)
    assert other.get(status["results"][0]["url"])[:2] == b"\xff\xd8"
    entry = entry_of(settings["COLORIZEBOT_DATABASE_URL"], request_id)
    assert entry.attempts == 2
    log = other.log.read_text()
    assert "is gone: its process has ended" in log
    assert "took over what was no living bot's: requests=1" in log


def test_what_one_bot_took_can_be_watched_and_deleted_at_the_other(
    bots: list[RunningBot], worker: GatedWorker, tmp_path: Path
) -> None:
    one, other = bots
    kept = one.post(PHOTO)
    deleted = requests.post(f"{one.url}/api/requests", files={"image": gray_photo(64, 48, seed=5)}, timeout=30).json()
    wait_for(lambda: worker.asked == 2, "the photos at the worker")
    followers = [Follower(bot, deleted["id"]) for bot in bots] + [Follower(other, kept)]
    wait_for(lambda: all(follower.states for follower in followers), "the streams")
    bearer = {"Authorization": f"Bearer {deleted['token']}"}
    assert requests.delete(other.url + deleted["status_url"], headers=bearer, timeout=30).status_code == 204
    worker.gate.set()
    for follower in followers:
        follower.join(30)
    assert [follower.deleted for follower in followers] == [True, True, False]
    assert followers[-1].states[-1] == "answered"
    one.until_logged("was deleted while in work")
    assert [folder.name for folder in (tmp_path / "shared" / "requests").iterdir()] == [kept]


def test_a_bot_that_stops_in_good_order_is_inherited_from_at_once(bots: list[RunningBot], worker: GatedWorker) -> None:
    one, other = bots
    request_id = one.post(PHOTO)
    wait_for(lambda: worker.asked, "the photo at the worker")
    assert one.stop() == 0
    wait_for(lambda: worker.asked == 2, "the other bot to ask the worker")
    worker.gate.set()
    assert other.until(request_id, "answered")["state"] == "answered"


@pytest.mark.parametrize("lease_seconds", [SHORT_LEASE_SECONDS])
def test_a_bot_that_slept_through_its_lease_answers_nothing_twice(
    bots: list[RunningBot], worker: GatedWorker, settings: dict[str, str]
) -> None:
    one, other = bots
    request_id = one.post(PHOTO)
    wait_for(lambda: worker.asked, "the photo at the worker")
    os.kill(one.process.pid, signal.SIGSTOP)
    wait_for(lambda: worker.asked == 2, "the other bot to ask the worker")
    worker.gate.set()
    other.until(request_id, "answered")
    os.kill(one.process.pid, signal.SIGCONT)
    wait_for(lambda: "goes on under another name" in one.log.read_text() or None, "it to notice")
    fresh = one.post(PHOTO)
    one.until(fresh, "answered")
    assert entry_of(settings["COLORIZEBOT_DATABASE_URL"], request_id).attempts == 2
    assert "Traceback" not in one.log.read_text()


def jpg() -> File:
    return File("grandma.jpg", PHOTO, "image/jpeg")


@pytest.mark.parametrize("lease_seconds", [SHORT_LEASE_SECONDS])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=lambda end: end.name)
def test_two_bots_that_hear_the_same_calls_answer_each_once_although_one_of_them_ends(
    tmp_path: Path, worker: GatedWorker, settings: dict[str, str], end: signal.Signals
) -> None:
    with DiscordDouble() as discord, ExitStack() as stack:
        channel: Channel = discord.channel(discord.guild())
        two: list[BotOnDiscord] = []
        for name in ("one", "other"):
            shared = {key: value for key, value in settings.items() if key != "COLORIZEBOT_INFERENCE_URL"}
            two.append(stack.enter_context(bot_on_discord(tmp_path / name, discord, worker.url, **shared)))
        discord.wait_for(lambda: len(discord.gateway.sessions) == 2, "both bots to be online", 60)
        people = [discord.user(f"person {number}") for number in range(8)]
        asked: list[Message] = [discord.says(who, channel, "colorizebot", attachments=[jpg()]) for who in people]
        wait_for(lambda: worker.asked >= 4 or None, "photos at the worker")
        taken = [two[index].log_text().count(" in work: ") for index in (0, 1)]
        victim = two[taken.index(max(taken))]
        victim.process.send_signal(end)
        worker.gate.set()
        for message in asked:
            discord.wait_for_answer(message, 60)
        if end == signal.SIGSTOP:
            time.sleep(SHORT_LEASE_SECONDS)
            victim.process.send_signal(signal.SIGCONT)
            time.sleep(1)
        time.sleep(1)
        assert [len(discord.answers_to(message)) for message in asked] == [1] * len(asked)
        assert discord.complaints == []
