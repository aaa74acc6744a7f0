"""What ``python -m bot check`` finds out about Discord."""

from __future__ import annotations

from bot.adapters.discord.examination import examine
from bot.findings import Verdict
from bot.settings import DiscordSettings, Settings
from tests.platforms.discord import DiscordDouble


def settings(discord: DiscordDouble, **options: object) -> Settings:
    return Settings(discord=DiscordSettings(**{"token": discord.token, "api_url": discord.api_url, **options}))


async def test_it_names_the_bot_and_prints_the_links(discord: DiscordDouble) -> None:
    bot, people, intent = await examine(settings(discord))
    assert bot.state == f"logged in as @{discord.bot.name}"
    assert f"client_id={discord.bot.id}&scope=bot+applications.commands&permissions=" in bot.next_step
    assert "integration_type=1" in people.next_step
    assert intent.verdict is Verdict.OK


async def test_it_says_how_to_switch_the_intent_on() -> None:
    async with DiscordDouble(message_content=False) as discord:
        intent = (await examine(settings(discord)))[-1]
    assert intent.verdict is Verdict.NOTE
    assert "Message Content Intent" in intent.next_step


async def test_it_explains_what_is_missing_or_wrong(discord: DiscordDouble) -> None:
    (off,) = await examine(Settings())
    assert off.verdict is Verdict.OFF
    assert "Reset Token" in off.next_step
    (refused,) = await examine(settings(discord, token="wrong"))
    assert (refused.verdict, refused.state) == (Verdict.PROBLEM, "Discord refuses the token")
    (away,) = await examine(settings(discord, api_url="http://127.0.0.1:9/api"))
    assert "COLORIZEBOT_DISCORD__API_URL" in away.next_step
