"""A real worker for all tests, and a real bot on a loopback Discord for those of one module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.discord.bot_on_discord import BotOnDiscord, bot_on_discord
from tests.end_to_end.discord.scene import Scene
from tests.inference.running_worker import RunningWorker
from tests.platforms.discord import DiscordDouble


@pytest.fixture(scope="session")
def worker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real worker."""
    with RunningWorker("--port", "0", "--device", "cpu", folder=tmp_path_factory.mktemp("worker")) as worker:
        yield worker.wait_ready().url


@pytest.fixture(scope="module")
def shared_discord() -> Iterator[DiscordDouble]:
    with DiscordDouble() as running:
        yield running


@pytest.fixture(scope="module")
def shared_bot(
    shared_discord: DiscordDouble, worker_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BotOnDiscord]:
    """A bot that serves all tests of a module."""
    with bot_on_discord(tmp_path_factory.mktemp("bot"), shared_discord, worker_url) as running:
        yield running


@pytest.fixture
def scene(shared_discord: DiscordDouble, shared_bot: BotOnDiscord) -> Iterator[Scene]:
    """A guild of its own with the shared bot in it; at the end, the bot lives and has broken no rule of the API."""
    yield Scene(shared_discord)
    assert shared_discord.complaints == []
    assert shared_bot.end() is None, shared_bot.log_text()[-4000:]
    assert "Traceback" not in shared_bot.log_text(), shared_bot.log_text()[-4000:]


@pytest.fixture
def discord() -> Iterator[DiscordDouble]:
    """A Discord for one test alone."""
    with DiscordDouble() as running:
        yield running
        assert running.complaints == []
