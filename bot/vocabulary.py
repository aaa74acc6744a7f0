"""The words of the bot: what somebody asks for, what they get, and where a request stands.

Everything here is a frozen value. How a photo is recolored is said in the worker's own words
(`inference.vocabulary`), so that an option has one name and one check from the page down to the model.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from inference.vocabulary import InputKind, RecolorOptions

REPLACES = "replaces"
"""In a request's context: the id of an earlier answer, whose place the new one is to take."""


class ImageKind(StrEnum):
    """Where the bytes of a photo are to be found."""

    URL = "url"
    """Behind a link; ``location`` is an http or https address that the fetcher still has to judge."""
    UPLOAD = "upload"
    """In the storage already; ``location`` is the file's name in the request's folder, such as ``input-0``."""


class State(StrEnum):
    """Where a request stands in its life."""

    QUEUED = "queued"
    WORKING = "working"
    ANSWERED = "answered"
    REFUSED = "refused"
    DELETED = "deleted"
    """Taken back by its requester: its photos are gone, only the fact that the message was seen is kept."""

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to the request by itself."""
        return self not in (State.QUEUED, State.WORKING)


def new_request_id() -> str:
    """Return an id that nobody can guess: whoever knows it may look at the result."""
    new_id = secrets.token_urlsafe(16)
    # `python -m bot replay` would take it for an option.
    return new_request_id() if new_id.startswith("-") else new_id


@dataclass(frozen=True, slots=True)
class ImageReference:
    """One photo that somebody pointed at or handed over."""

    kind: ImageKind
    location: str


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody on some platform asked for; its identity is ``(platform, message_id)``."""

    platform: str
    """The adapter's name: ``web``, ``reddit``, ``discord``."""
    message_id: str
    """The platform's own id of the asking message: seeing the same message again is no second request."""
    conversation: str
    """Where to answer, in the platform's words: a thread, a channel, a page."""
    requester: str
    """The person, in the platform's words; turns and limits are counted by it."""
    community: str | None
    """The subreddit, server or the like that it was asked in; ``None`` where the platform has no such thing."""
    images: tuple[ImageReference, ...]
    """The photos in their order; none yet when the adapter still has to locate them."""
    options: RecolorOptions = field(default_factory=RecolorOptions)
    context: Mapping[str, Any] = field(default_factory=dict)
    """What the adapter noted for itself, in JSON values: how to answer, and what else it has to know for that."""
    id: str = field(default_factory=new_request_id)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class ResultPicture:
    """One recolored photo in the storage."""

    index: int
    """Which of the request's images it was made from, counted from 0."""
    file: str
    """The file's name in the request's folder, such as ``result-0.jpg``."""
    media_type: str
    width: int
    """Width of the recolored photo in pixels."""
    height: int
    input: InputKind


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no picture: one kind sentence that says what to do next."""

    reason: str
    """A stable word that programs may rely on, such as ``not_a_picture``."""
    message: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A photo of an otherwise answered request that could not be recolored."""

    index: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """At least one recolored photo, and what became of the others."""

    results: tuple[ResultPicture, ...]
    model: str
    """The model's name and the hash of its weights."""
    left_out: tuple[LeftOut, ...] = ()


Outcome = Answer | Refusal


@dataclass(frozen=True, slots=True)
class Entry:
    """A request as the ledger knows it."""

    request: Request
    state: State
    attempts: int
    """How often work on it was begun."""
    outcome: Outcome | None
    """What was decided; set before the requester is told, and never changed after that."""
    answer_id: str | None
    """The answer's id on the platform; ``None`` until it is delivered."""
    expired: bool = False
    """Whether its photos were deleted for their age: they are kept for so many days only."""


class Step(StrEnum):
    """What is being done to a photo right now."""

    FETCHING = "fetching"
    WAITING = "waiting"
    """For the colorizer to be ready: it is warming up, or restarting."""
    RECOLORING = "recoloring"
    ANSWERING = "answering"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work on a request has come."""

    step: Step
    picture: int
    """The photo in hand, counted from 1."""
    pictures: int
    """How many photos the request has."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the requester of an entry may be told this very moment."""

    entry: Entry
    position: int | None
    """The turn in the queue, 1 being the next; ``None`` when it waits no longer."""
    progress: Progress | None
    """Set while it is being worked on."""
