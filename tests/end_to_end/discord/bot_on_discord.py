"""``python -m bot`` in a process of its own, with a loopback Discord before it and a shared worker behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end.running_bot import RunningBot, environment
from tests.platforms.discord import DiscordDouble

BOT = ("-m", "bot")


def settings_for(discord: DiscordDouble, worker_url: str, **more: str) -> dict[str, str]:
    """Return what an operator would set to run the bot there."""
    return {
        "COLORIZEBOT_DISCORD__TOKEN": discord.token,
        "COLORIZEBOT_DISCORD__API_URL": discord.api_url,
        "COLORIZEBOT_DISCORD__GATEWAY_URL": discord.gateway_url,
        "COLORIZEBOT_FETCH__ALLOW_PRIVATE": json.dumps([discord.cdn_host]),
        "COLORIZEBOT_INFERENCE_URL": worker_url,
        "COLORIZEBOT_LIMITS__DRAIN_SECONDS": "3",
        **more,
    }


class BotOnDiscord(RunningBot):
    """A bot that is at home on Discord; its log grows in ``bot.log``."""

    def end(self) -> int | None:
        """Return the exit status when the process has ended by itself."""
        return self.process.poll()

    def log_text(self) -> str:
        return self.log.read_text()


@contextmanager
def bot_on_discord(
    folder: Path,
    discord: DiscordDouble,
    worker_url: str,
    *,
    arguments: Sequence[str] = BOT,
    connected: bool = True,
    **more: str,
) -> Iterator[BotOnDiscord]:
    """Run a bot whose data is below ``folder``, and wait until it is on Discord unless ``connected`` is off.

    It is killed at the end unless it has stopped by then.
    """
    folder.mkdir(exist_ok=True)
    before = len(discord.gateway.identified)
    log = folder / "bot.log"
    with log.open("a") as stderr:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment(folder, **settings_for(discord, worker_url, **more)),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
    try:
        bot = BotOnDiscord(folder, process, log)
        bot.read_until_served()
        if connected:
            discord.wait_for(lambda: len(discord.gateway.identified) > before, "the bot to identify", 60)
            discord.wait_until_connected()
            discord.wait_for_commands()
        yield bot
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
