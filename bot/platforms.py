"""The chat platforms that the bot knows. A new one is a line here, a package in `adapters` and a section of settings.

An adapter is imported when its platform is switched on: the libraries of the others need not be waited for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.adapters import Adapter
from bot.assembly import Parts
from bot.findings import Finding
from bot.settings import Settings


@dataclass(frozen=True, slots=True)
class Platform:
    """How a platform is switched on."""

    name: str
    still_to_set: Callable[[Settings], tuple[str, ...]]
    """The variables that it still needs; it is on when there are none."""
    make_adapter: Callable[[Parts], Adapter]
    examine: Callable[[Settings], Awaitable[list[Finding]]]
    """Look whether it works, or say how to get what it needs."""


def make_adapters(parts: Parts) -> dict[str, Adapter]:
    """Make the adapters of all platforms that are switched on, by their names."""
    return {
        platform.name: platform.make_adapter(parts)
        for platform in PLATFORMS
        if not platform.still_to_set(parts.settings)
    }


def _web_needs(_settings: Settings) -> tuple[str, ...]:
    return ()


def _web(parts: Parts) -> Adapter:
    from bot.adapters.web import WebAdapter

    return WebAdapter(parts)


async def _examine_web(settings: Settings) -> list[Finding]:
    from bot.adapters.web.examination import examine

    return await examine(settings)


def _reddit_needs(settings: Settings) -> tuple[str, ...]:
    reddit, missing = settings.reddit, []
    if not reddit.client_id:
        missing.append("COLORIZEBOT_REDDIT__CLIENT_ID")
    if not reddit.client_secret:
        missing.append("COLORIZEBOT_REDDIT__CLIENT_SECRET")
    if not reddit.refresh_token:
        if not reddit.username:
            missing.append("COLORIZEBOT_REDDIT__USERNAME")
        if not reddit.password:
            missing.append("COLORIZEBOT_REDDIT__PASSWORD or COLORIZEBOT_REDDIT__REFRESH_TOKEN")
    return tuple(missing)


def _reddit(parts: Parts) -> Adapter:
    from bot.adapters.reddit import RedditAdapter

    return RedditAdapter(parts)


async def _examine_reddit(settings: Settings) -> list[Finding]:
    from bot.adapters.reddit.examination import examine

    return await examine(settings)


def _discord_needs(settings: Settings) -> tuple[str, ...]:
    return () if settings.discord.token else ("COLORIZEBOT_DISCORD__TOKEN",)


def _discord(parts: Parts) -> Adapter:
    from bot.adapters.discord import DiscordAdapter

    return DiscordAdapter(parts)


async def _examine_discord(settings: Settings) -> list[Finding]:
    from bot.adapters.discord.examination import examine

    return await examine(settings)


PLATFORMS = (
    Platform("web", _web_needs, _web, _examine_web),
    Platform("reddit", _reddit_needs, _reddit, _examine_reddit),
    Platform("discord", _discord_needs, _discord, _examine_discord),
)
