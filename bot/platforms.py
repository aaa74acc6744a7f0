"""The chat platforms that the bot knows. A new one is a line here, a module in `adapters` and a section of settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.adapters import Adapter
from bot.adapters.web import WebAdapter
from bot.assembly import Parts
from bot.settings import Settings


@dataclass(frozen=True, slots=True)
class Platform:
    """How a platform is switched on."""

    name: str
    still_to_set: Callable[[Settings], tuple[str, ...]]
    """The variables that it still needs; it is on when there are none."""
    make_adapter: Callable[[Parts], Adapter]


PLATFORMS = (Platform("web", lambda _settings: (), WebAdapter),)


def make_adapters(parts: Parts) -> dict[str, Adapter]:
    """Make the adapters of all platforms that are switched on, by their names."""
    return {
        platform.name: platform.make_adapter(parts)
        for platform in PLATFORMS
        if not platform.still_to_set(parts.settings)
    }
