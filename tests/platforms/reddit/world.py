"""The state of the loopback Reddit, and how people change it.

Every method may be called from any thread. The endpoints change it through the same methods as the tests do.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.platforms.reddit.things import (
    Asset,
    Comment,
    Message,
    Received,
    Submission,
    Subreddit,
    Thing,
    base36,
)

_CODE = re.compile(r"`[^`]*`|^(?: {4}|\t).*$", re.MULTILINE)


class World:
    """All that Reddit knows, as far as one bot sees it."""

    def __init__(self, account: str) -> None:
        """``account`` is the name that the bot logs in with."""
        self.account = account
        self.lock = threading.RLock()
        self.subreddits: dict[str, Subreddit] = {}
        self.submissions: dict[str, Submission] = {}
        self.comments: dict[str, Comment] = {}
        self.messages: dict[str, Message] = {}
        self.inbox: list[Received] = []
        self.assets: dict[str, Asset] = {}
        self.lag_seconds = 0.0
        """How long the bot's own new comments and posts stay out of threads and listings."""
        self.blocked_by: set[str] = set()
        """People who have blocked the bot."""
        self._ids = {
            "t1": int("p2k000", 36),
            "t3": int("1q7k000", 36),
            "t4": int("2w8000", 36),
            "t5": int("29ey0j", 36),
        }
        self._assets = int("ky0147al7eze1", 36)
        self.subreddit(f"u_{account}", kind="user")

    # What is there

    def thing(self, fullname: str) -> Thing | None:
        kind, _, id_ = fullname.partition("_")
        shelves: dict[str, dict[str, Any]] = {"t1": self.comments, "t3": self.submissions, "t4": self.messages}
        return shelves[kind].get(id_) if kind in shelves else None

    def subreddit(self, name: str, **about: Any) -> Subreddit:
        """Return a subreddit, founded now if need be; ``about`` sets what it is like."""
        with self.lock:
            subreddit = self.subreddits.get(name.lower())
            if subreddit is None:
                subreddit = self.subreddits[name.lower()] = Subreddit(name, self._next("t5"))
            for key, value in about.items():
                assert hasattr(subreddit, key), key
                setattr(subreddit, key, value)
            return subreddit

    def hidden(self, thing: Comment | Submission) -> bool:
        """Whether a thing isn't to be seen in threads and listings yet."""
        own = thing.author.lower() == self.account.lower()
        return own and time.time() - thing.created < self.lag_seconds

    def by_author(self, name: str) -> tuple[list[Comment], list[Submission]]:
        """Return somebody's comments and posts that are still there, the newest first."""
        name = name.lower()
        comments = [one for one in reversed(self.comments.values()) if one.author.lower() == name and not one.gone]
        posts = [one for one in reversed(self.submissions.values()) if one.author.lower() == name and not one.gone]
        return comments, posts

    def ancestors(self, comment: Comment) -> Iterator[Comment]:
        while comment.parent:
            comment = comment.parent
            yield comment

    # What people do

    def post(self, subreddit: str, mould: str, *, author: str, title: str, **about: Any) -> Submission:
        with self.lock:
            made = Submission(self._next("t3"), self.subreddit(subreddit), author, title, time.time(), mould, **about)
            self.submissions[made.id] = made
            return made

    def comment(self, on: Submission | Comment, body: str, *, author: str, **about: Any) -> Comment:
        with self.lock:
            parent = on if isinstance(on, Comment) else None
            submission = on.submission if isinstance(on, Comment) else on
            made = Comment(self._next("t1"), submission, parent, author, body, time.time(), **about)
            self.comments[made.id] = made
            (parent.replies if parent else submission.comments).append(made)
            self._notify(made)
            return made

    def message(
        self, body: str, *, author: str | None, to: str | None = None, subject: str = "hello", **about: Any
    ) -> Message:
        with self.lock:
            made = Message(self._next("t4"), author, to or self.account, subject, body, time.time(), **about)
            self.messages[made.id] = made
            if made.to.lower() == self.account.lower():
                self.inbox.append(Received(made, "unknown"))
            return made

    def edit(self, thing: Comment | Submission, text: str) -> None:
        with self.lock:
            if isinstance(thing, Comment):
                thing.body, thing.edited = text, time.time()
            else:
                thing.text = text

    def take_away(self, thing: Comment | Submission, how: str) -> None:
        """Delete (by its author) or remove (by a moderator)."""
        with self.lock:
            thing.gone = how

    def ban(self, subreddit: str, name: str) -> None:
        """Ban somebody; the bot gets the message that Reddit sends on such an occasion."""
        with self.lock:
            place = self.subreddit(subreddit)
            place.banned.add(name.lower())
            if name.lower() == self.account.lower():
                self.message(
                    "You have been permanently banned from participating in "
                    f"[r/{place.name}](https://www.reddit.com/r/{place.name}). You can still view and subscribe.",
                    author=None,
                    subject=f"You've been permanently banned from participating in r/{place.name}",
                    subreddit=place.name,
                )

    def lease(self, filename: str, mimetype: str) -> Asset:
        with self.lock:
            self._assets += 48271
            asset = Asset(base36(self._assets), mimetype, filename)
            self.assets[asset.id] = asset
            return asset

    def mark(self, fullnames: list[str], *, new: bool) -> None:
        with self.lock:
            for received in self.inbox:
                if received.fullname in fullnames:
                    received.new = new

    def _notify(self, comment: Comment) -> None:
        """Put a comment into the bot's inbox where Reddit would: replies first, mentions otherwise, never its own."""
        if comment.author.lower() == self.account.lower():
            return
        answered = comment.parent or comment.submission
        if answered.author.lower() == self.account.lower() and not answered.gone:
            self.inbox.append(Received(comment, "comment_reply" if comment.parent else "post_reply"))
        elif self.mentions(comment.body):
            self.inbox.append(Received(comment, "username_mention"))

    def mentions(self, body: str) -> bool:
        """Whether Reddit takes a text for a mention of the bot; in quotes it does, in code it does not."""
        return bool(re.search(rf"(?<![\w/])/?u/{re.escape(self.account)}(?![\w-])", _CODE.sub("", body), re.IGNORECASE))

    def _next(self, kind: str) -> str:
        self._ids[kind] += 7
        return base36(self._ids[kind])
