"""What the adapter notes down with a request: where and how to answer it, and what the photos were called.

The notes are JSON values in the request's context, so they outlive the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from bot.vocabulary import ImageKind, ImageReference

PLATFORM = "discord"

TOKEN_LIFE = timedelta(minutes=15)
"""How long the response to an interaction may be edited.

Source: discord.com/developers/docs/interactions/receiving-and-responding
"""
_TOKEN_MARGIN = timedelta(seconds=20)
DEFAULT_SIZE_LIMIT = 10 * 2**20
"""Bytes that a file may have where nothing else is said (discord.com/developers/docs/reference#uploading-files)."""
MAX_FILES = 10
"""Files that one message holds."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo as it was found on Discord."""

    url: str
    name: str
    """Its file name, without ``SPOILER_``."""
    spoiler: bool = False
    description: str | None = None
    """The alt text that it was posted with."""

    def reference(self) -> ImageReference:
        """Return where the fetcher finds it."""
        return ImageReference(ImageKind.URL, self.url)


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to edit the response to an interaction."""

    application_id: int
    token: str
    until: float
    """When it runs out, in seconds since 1970."""

    @classmethod
    def issued(cls, application_id: int, token: str, at: datetime) -> Self:
        """Return the ticket of an interaction that was made at ``at``."""
        # A clock that goes wrong must not make a fresh ticket look old.
        issued = max(at, datetime.now(UTC) - timedelta(seconds=5))
        return cls(application_id, token, (issued + TOKEN_LIFE - _TOKEN_MARGIN).timestamp())

    @property
    def run_out(self) -> bool:
        """Whether it is too late to use it."""
        return datetime.now(UTC).timestamp() > self.until


@dataclass(frozen=True, slots=True)
class Source:
    """The message that holds the photos; reading it again gives links that are signed anew."""

    channel_id: int
    message_id: int


@dataclass(frozen=True, slots=True)
class Notes:
    """All that is noted; ids are Discord's snowflakes."""

    channel_id: int | None
    """``None`` when Discord didn't say where the interaction was made."""
    guild_id: int | None = None
    summons_id: int | None = None
    """The asking message; ``None`` when it was an interaction."""
    ticket: Ticket | None = None
    """Set when it was an interaction."""
    ephemeral: bool = False
    size_limit: int = DEFAULT_SIZE_LIMIT
    """Bytes that a file in the answer may have."""
    photos: tuple[Photo, ...] = ()
    """The photos, in the order of the request's images; before they are located, those that the event carried."""
    too_many: int = 0
    """Photos that were left out because an answer can't hold more."""
    source: Source | None = None
    posting: float = 0.0
    """When the last attempt to post began, in seconds since 1970; after one, look for the answer before posting."""

    @classmethod
    def of(cls, context: Mapping[str, Any]) -> Self:
        """Read the notes of a request."""
        known = {field.name: context[field.name] for field in fields(cls) if field.name in context}
        ticket, source = known.get("ticket"), known.get("source")
        return replace(
            cls(**{**known, "channel_id": known.get("channel_id")}),
            ticket=None if ticket is None else Ticket(**ticket),
            source=None if source is None else Source(**source),
            photos=tuple(Photo(**photo) for photo in known.get("photos", ())),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the notes as JSON values that ``of`` reads back."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, (Photo, Ticket, Source)):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value
