"""Reddit's things, read from its JSON with care.

PRAW's models are not used for reading: they ask Reddit again behind one's back for a field that is missing, and one
malformed item spoils the listing that it is in. Here, what is malformed is left out, and counted.

The fields are described at https://www.reddit.com/dev/api and, better, at
https://praw.readthedocs.io/en/stable/code_overview/praw_models.html; the anonymous shapes come from recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Data = Mapping[str, Any]

DELETED = "[deleted]"
REMOVED = "[removed]"

_SUBMISSION_IN_PATH = re.compile(r"/comments/([a-z0-9]+)(?:/|$|\?)", re.IGNORECASE)


class Malformed(ValueError):  # noqa: N818 - says what it is
    """An answer that doesn't have the shape that Reddit's answers have."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, from a thread, a stream, or the inbox."""

    fullname: str
    author: str | None
    """``None`` when the account or the comment is deleted."""
    body: str
    created: datetime
    parent: str
    """Fullname of the comment or submission that it answers."""
    submission: str
    """Fullname of the submission that it is below; mentions don't carry it, so it may come from their context."""
    subreddit: str
    permalink: str
    """Path below reddit.com, with a slash at its end."""
    media: Data = field(default_factory=dict)
    """Native pictures by their ids."""
    locked: bool = False
    unread: bool = False
    """Set in the inbox alone."""
    replies: tuple[Comment, ...] = ()

    @property
    def gone(self) -> bool:
        """Whether it was deleted by its author or removed by a moderator."""
        return self.author is None or self.body in (DELETED, REMOVED)


@dataclass(frozen=True, slots=True)
class Message:
    """A private message."""

    fullname: str
    author: str | None
    """``None`` when it is from a subreddit, or its author is deleted."""
    body: str
    created: datetime
    parent: str | None
    """Fullname of the message that it answers."""
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing, the newest first."""

    items: tuple[Comment | Message, ...]
    after: str | None
    """Where the next page begins; ``None`` on the last one."""
    malformed: int = 0
    """How many items could not be read."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A submission, with some of its comments."""

    submission: Data
    comments: Mapping[str, Comment]
    """By their fullnames, in no order."""
    malformed: int = 0


def children(listing: object) -> list[object]:
    """Return what a Listing lists. Raises ``Malformed``."""
    if isinstance(listing, Mapping) and isinstance(data := listing.get("data"), Mapping):
        found = data.get("children")
        if isinstance(found, list):
            return found
    raise Malformed("that is no listing")


def read_page(listing: object) -> Page:
    """Read a page of comments, messages, or both. Raises ``Malformed`` when it isn't one."""
    listed = children(listing)
    items = [item for child in listed if (item := read_item(child)) is not None]
    after = listing["data"].get("after") if isinstance(listing, Mapping) else None
    return Page(tuple(items), after if isinstance(after, str) and after else None, len(listed) - len(items))


def read_thread(answer: object) -> Thread:
    """Read the answer of ``/comments/<id>``. Raises ``Malformed`` when it isn't one."""
    if not isinstance(answer, list) or len(answer) < 2:
        raise Malformed("that is no thread")
    submissions = [data for child in children(answer[0]) if (data := data_of(child, "t3")) is not None]
    if not submissions:
        raise Malformed("that is a thread without a submission")
    comments: dict[str, Comment] = {}
    roots = [child for child in children(answer[1]) if data_of(child, "more") is None]
    read = [comment for child in roots if isinstance(comment := read_item(child), Comment)]
    for root in read:
        comments.update((comment.fullname, comment) for comment in all_below(root))
    return Thread(submissions[0], comments, len(roots) - len(read))


def all_below(comment: Comment) -> Iterator[Comment]:
    """Yield a comment and all replies below it."""
    waiting = [comment]
    while waiting:
        comment = waiting.pop()
        yield comment
        waiting += comment.replies


def read_item(child: object) -> Comment | Message | None:
    """Read a comment or a message; ``None`` when it is neither, or lacks what every one has."""
    if (data := data_of(child, "t1")) is not None:
        return _comment(data)
    if (data := data_of(child, "t4")) is not None:
        return _message(data)
    return None


def data_of(child: object, kind: str) -> Data | None:
    """Return the data of a thing of that kind, such as ``t1``; ``None`` when it is something else."""
    if isinstance(child, Mapping) and child.get("kind") == kind and isinstance(child.get("data"), Mapping):
        data: Data = child["data"]
        return data
    return None


def text(data: Data, name: str) -> str:
    """Return a field that holds text; an empty text when it holds anything else.

    JSON may hold halves of characters, which nothing that writes text takes; each becomes a question mark.
    """
    value = data.get(name)
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def id_of(fullname: str) -> str:
    """Return the id within a fullname: ``"abc"`` for ``"t3_abc"``."""
    return fullname.split("_", 1)[-1]


def _comment(data: Data) -> Comment | None:
    created, fullname = _moment(data), _fullname(data, "t1")
    permalink = (text(data, "permalink") or text(data, "context")).split("?", 1)[0]
    submission = text(data, "link_id") or _submission_in(permalink)
    if created is None or not fullname or not submission or not isinstance(data.get("body"), str):
        return None
    media = data.get("media_metadata")
    return Comment(
        fullname=fullname,
        author=_author(data),
        body=text(data, "body"),
        created=created,
        parent=text(data, "parent_id") or submission,
        submission=submission,
        subreddit=text(data, "subreddit"),
        permalink=permalink or f"/comments/{id_of(submission)}/_/{id_of(fullname)}/",
        media=media if isinstance(media, Mapping) else {},
        locked=data.get("locked") is True,
        unread=data.get("new") is True,
        replies=_replies(data),
    )


def _replies(data: Data) -> tuple[Comment, ...]:
    try:
        listed = children(data.get("replies"))
    except Malformed:
        return ()  # Reddit writes "" for none
    return tuple(reply for child in listed if isinstance(reply := read_item(child), Comment))


def _message(data: Data) -> Message | None:
    created, fullname = _moment(data), _fullname(data, "t4")
    if created is None or not fullname or not isinstance(data.get("body"), str):
        return None
    return Message(
        fullname=fullname,
        author=_author(data),
        body=text(data, "body"),
        created=created,
        parent=text(data, "parent_id") or None,
        unread=data.get("new") is True,
    )


def _fullname(data: Data, kind: str) -> str:
    if (name := text(data, "name")).startswith(f"{kind}_"):
        return name
    return f"{kind}_{data['id']}" if text(data, "id") else ""


def _author(data: Data) -> str | None:
    author = text(data, "author")
    return None if author in ("", DELETED, REMOVED) else author


def _moment(data: Data) -> datetime | None:
    seconds = data.get("created_utc")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _submission_in(permalink: str) -> str:
    found = _SUBMISSION_IN_PATH.search(permalink)
    return f"t3_{found[1]}" if found else ""
