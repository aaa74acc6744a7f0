"""What the operator may order on the command line; `bot.arguments` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from inference.vocabulary import RecolorOptions


@dataclass(frozen=True, slots=True)
class Serve:
    """Serve all platforms that are configured."""


@dataclass(frozen=True, slots=True)
class Check:
    """Look whether everything is in order."""

    as_json: bool


@dataclass(frozen=True, slots=True)
class Stats:
    """Print what was asked for, and what became of it."""

    platform: str | None
    last: timedelta | None
    """How far to look back; ``None`` for all there is."""
    by: str
    """The periods that are counted by: ``hour``, ``day`` or ``month``."""
    as_json: bool


@dataclass(frozen=True, slots=True)
class Purge:
    """Delete requests, for good; those for which all that is given holds."""

    platform: str | None
    person: str | None
    person_of: str | None
    """A request's id: everything of whoever sent that one."""
    community: str | None
    requests: tuple[str, ...]
    older_than: timedelta | None
    opt_out_too: bool
    dry_run: bool
    yes: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """Take refused requests through their lives again."""

    requests: tuple[str, ...]
    platform: str | None
    reason: str | None
    last: timedelta | None
    dry_run: bool
    yes: bool


@dataclass(frozen=True, slots=True)
class Load:
    """Put a bot under load through its page's API."""

    url: str
    clients: int
    per_second: float | None
    """How many photos are sent a second, as far as there are clients free; ``None`` for as many as they can."""
    seconds: float
    photos: Path | None
    """A folder of photos; ``None`` sends the page's own example."""
    as_json: bool


@dataclass(frozen=True, slots=True)
class LetIn:
    """Go back to a community that once shut the bot out."""

    platform: str
    community: str


@dataclass(frozen=True, slots=True)
class Downgrade:
    """Take the ledger's schema back to that of an older version."""

    revision: str


@dataclass(frozen=True, slots=True)
class RecolorPhotos:
    """Recolor photos on this machine."""

    photos: tuple[Path, ...]
    out: Path | None
    """Where the results go; ``None`` puts each beside its photo."""
    out_is_folder: bool
    force: bool
    """Whether to overwrite files that are there."""
    options: RecolorOptions


Order = Serve | Check | Stats | Purge | Replay | Load | LetIn | Downgrade | RecolorPhotos
