"""Settings that change while the bot runs: read again when it is told to (SIGHUP), as far as that is possible.

What a part of the bot reads at the moment when it needs it takes effect at once: words, limits, lists of who is left
alone, how long things are kept, the level of the log. What was built at the start, from an address to a password, stays
as it is until the next start; the log says which is which, by the settings' names.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from bot.configuration import load_settings, renamed_settings, unknown_settings
from bot.problems import OperatorError
from bot.settings import PREFIX, Settings
from inference import log_lines

_log = logging.getLogger(__name__)

_LIVE = frozenset(
    {
        "log_level",
        "triggers",
        "retention",
        "limits.max_pictures",
        "limits.max_upload_bytes",
        "limits.requester_per_hour",
        "limits.community_per_hour",
        "limits.drain_seconds",
        "reddit.answers_per_thread",
        "reddit.answers_per_user_hour",
        "reddit.blocked_users",
        "reddit.blocked_subreddits",
        "reddit.ignored_bots",
        "discord.look_back_messages",
        "discord.blocked_users",
        "discord.blocked_guilds",
    }
)
"""The settings, or whole sections, that take effect at once."""


class CurrentSettings:
    """The settings as they are now."""

    def __init__(self, settings: Settings) -> None:
        """Begin with what the bot was started with."""
        self._settings = settings

    @property
    def now(self) -> Settings:
        """Return them; whoever keeps a part of them for later misses what changes."""
        return self._settings

    def reload(self, load: Callable[[], Settings] = load_settings) -> None:
        """Read the settings again and apply what can be applied; settings with a mistake change nothing."""
        try:
            changes = compare(self._settings, load())
        except OperatorError as error:
            _log.error("the settings are left as they were, for they have a mistake: %s", error)
            return
        for sentence in (*unknown_settings(), *renamed_settings()):
            _log.warning("%s", sentence)
        self._settings = changes.settings
        log_lines.set_level(self._settings.log_level)
        _log.info("settings read again: applied %s", ", ".join(changes.applied) or "nothing, for nothing has changed")
        if changes.for_restart:
            _log.warning("settings that take effect at the next start: %s", ", ".join(changes.for_restart))


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two readings of the settings."""

    settings: Settings
    """The older ones, with what can be applied of the newer ones."""
    applied: tuple[str, ...]
    """Variables that have taken effect."""
    for_restart: tuple[str, ...]
    """Variables that have changed but take effect at the next start."""


def compare(old: Settings, new: Settings) -> Changes:
    """Return what is to become of the settings when they are read again."""
    applied: list[str] = []
    for_restart: list[str] = []
    for path in _differences(old, new, ""):
        live = any(path == name or path.startswith(f"{name}.") for name in _LIVE)
        (applied if live else for_restart).append(PREFIX + path.replace(".", "__").upper())
    return Changes(_merged(old, new), tuple(applied), tuple(for_restart))


def _differences(old: BaseModel, new: BaseModel, prefix: str) -> Iterator[str]:
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _differences(before, after, f"{prefix}{name}.")
        elif before != after:
            yield prefix + name


def _merged(old: Settings, new: Settings) -> Settings:
    update: dict[str, Any] = {}
    for path in _LIVE:
        section, _, name = path.partition(".")
        if name:
            changed = {name: getattr(getattr(new, section), name)}
            update[section] = update.get(section, getattr(old, section)).model_copy(update=changed)
        else:
            update[section] = getattr(new, section)
    return old.model_copy(update=update)
