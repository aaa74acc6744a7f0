"""What there is on Reddit: communities, posts, comments, messages, uploaded pictures.

The vocabulary is Reddit's: a *thing* has an id in base 36 and a *fullname*, which is its kind and its id (``t1_`` a
comment, ``t3_`` a post, ``t4_`` a message, ``t5_`` a subreddit).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return text or "0"


@dataclass
class Subreddit:
    """A community."""

    name: str
    id: str
    over18: bool = False
    media_in_comments: tuple[str, ...] = ()
    """What its comments may hold: ``static``, ``animated``, ``giphy``, ``expression``."""
    moderators: set[str] = field(default_factory=set)
    banned: set[str] = field(default_factory=set)
    kind: str = "public"
    """``public``, ``private``, ``restricted``, ``banned`` (shut down by Reddit), ``user`` (a profile)."""
    quarantined: bool = False
    galleries: bool = True

    @property
    def fullname(self) -> str:
        return f"t5_{self.id}"

    @property
    def prefixed(self) -> str:
        return f"u/{self.name.removeprefix('u_')}" if self.kind == "user" else f"r/{self.name}"

    @property
    def path(self) -> str:
        return f"/user/{self.name.removeprefix('u_')}/" if self.kind == "user" else f"/r/{self.name}/"


@dataclass
class Submission:
    """A post."""

    id: str
    subreddit: Subreddit
    author: str
    title: str
    created: float
    mould: str
    """The recording that it looks like, such as ``submission_image``."""
    fields: dict[str, Any] = field(default_factory=dict)
    """What distinguishes it from the recording."""
    text: str = ""
    over18: bool = False
    spoiler: bool = False
    locked: bool = False
    archived: bool = False
    gone: str | None = None
    """``deleted`` by its author, ``removed`` by a moderator."""
    comments: list[Comment] = field(default_factory=list)

    @property
    def fullname(self) -> str:
        return f"t3_{self.id}"

    @property
    def slug(self) -> str:
        words = "".join(letter if letter.isalnum() else " " for letter in self.title.lower()).split()
        return "_".join(words)[:50] or "_"

    @property
    def permalink(self) -> str:
        return f"{self.subreddit.path}comments/{self.id}/{self.slug}/"


@dataclass
class Comment:
    """A comment below a post."""

    id: str
    submission: Submission
    parent: Comment | None
    author: str
    body: str
    created: float
    edited: float | None = None
    gone: str | None = None
    locked: bool = False
    pictures: dict[str, Any] = field(default_factory=dict)
    """``media_metadata``, by asset."""
    replies: list[Comment] = field(default_factory=list)

    @property
    def fullname(self) -> str:
        return f"t1_{self.id}"

    @property
    def parent_name(self) -> str:
        return self.parent.fullname if self.parent else self.submission.fullname

    @property
    def permalink(self) -> str:
        return f"{self.submission.permalink}{self.id}/"

    @property
    def depth(self) -> int:
        return self.parent.depth + 1 if self.parent else 0


@dataclass
class Message:
    """A private message."""

    id: str
    author: str | None
    to: str
    subject: str
    body: str
    created: float
    subreddit: str | None = None
    first: Message | None = None
    """The message that began the conversation."""
    parent: Message | None = None

    @property
    def fullname(self) -> str:
        return f"t4_{self.id}"


@dataclass
class Received:
    """Something in the account's inbox."""

    item: Comment | Message
    type: str
    """``username_mention``, ``comment_reply``, ``post_reply`` or ``unknown``, as Reddit calls them."""
    new: bool = True

    @property
    def fullname(self) -> str:
        return self.item.fullname


@dataclass
class Asset:
    """A picture on its way into a post or a comment."""

    id: str
    mimetype: str
    filename: str
    data: bytes | None = None
    """``None`` until it is uploaded."""
    post: str | None = None
    """The post that was made of it."""


Thing = Comment | Submission | Message
