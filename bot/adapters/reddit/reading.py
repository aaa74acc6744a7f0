"""What the bot asks Reddit for. Each function blocks, so it is for `workers`; each raises what PRAW raises."""

from __future__ import annotations

import logging
from typing import Any

import praw
import prawcore
from praw.endpoints import API_PATH

from bot.adapters.reddit.things import (
    Comment,
    Data,
    Malformed,
    Message,
    Page,
    Thread,
    children,
    data_of,
    id_of,
    read_item,
    read_page,
    read_thread,
    text,
)

_log = logging.getLogger(__name__)

PAGE_SIZE = 100
"""The most that Reddit puts on a page."""
_ANCESTORS = 8
"""The most that Reddit shows above a comment."""

COMMENTS = "r/{subreddits}/comments/"
UNREAD = API_PATH["unread"]
INBOX = API_PATH["inbox"]


def own_name(reddit: praw.Reddit) -> str:
    """Return the name of the account that the bot is signed in with."""
    try:
        account = _get(reddit, API_PATH["me"])
    except prawcore.NotFound:
        if not reddit.config.username:
            raise
        return reddit.config.username
    if isinstance(account, dict) and (name := text(account, "name")):
        return name
    raise Malformed("that is no account")


def page(reddit: praw.Reddit, path: str, after: str | None = None) -> Page:
    """Return a page of a listing of comments or messages, the newest first."""
    options: dict[str, str | int] = {"limit": PAGE_SIZE}
    if after is not None:
        options["after"] = after
    if path == UNREAD:
        options["mark"] = "false"
    return read_page(_get(reddit, path, options))


def thread_of(reddit: praw.Reddit, submission: str, comment: str) -> Thread:
    """Return a comment with its replies, its nearest ancestors, and its submission; all by fullnames.

    A comment that Reddit doesn't show there may be deleted, or too new: see `comment_of`.
    """
    path = f"{API_PATH['submission'].format(id=id_of(submission))}_/{id_of(comment)}"
    return read_thread(_get(reddit, path, {"context": _ANCESTORS, "limit": PAGE_SIZE}))


def comment_of(reddit: praw.Reddit, fullname: str) -> Comment | None:
    """Return a comment without its replies; ``None`` when Reddit doesn't know it (any more)."""
    found = things_of(reddit, fullname)
    comments = [comment for thing in found if isinstance(comment := read_item(thing), Comment)]
    if found and not comments:
        raise Malformed("that is no comment")
    return comments[0] if comments else None


def submission_of(reddit: praw.Reddit, fullname: str) -> Data | None:
    """Return a submission; ``None`` when Reddit doesn't know it (any more)."""
    return next((data for thing in things_of(reddit, fullname) if (data := data_of(thing, "t3")) is not None), None)


def things_of(reddit: praw.Reddit, *fullnames: str) -> list[object]:
    """Return the things of these fullnames, as far as Reddit knows them."""
    return children(_get(reddit, API_PATH["info"], {"id": ",".join(fullnames)}))


def own_comments(reddit: praw.Reddit, name: str) -> list[Comment]:
    """Return the account's latest comments; none where Reddit doesn't offer the list."""
    try:
        found = page(reddit, f"{API_PATH['user'].format(user=name)}comments/")
    except prawcore.NotFound:
        _log.info("reddit: the account's own comments are not listed")
        return []
    return [item for item in found.items if isinstance(item, Comment)]


def own_submissions(reddit: praw.Reddit, name: str) -> list[Data] | None:
    """Return the account's latest submissions; ``None`` where Reddit doesn't offer the list."""
    path = f"{API_PATH['user'].format(user=name)}submitted/"
    try:
        listed = children(_get(reddit, path, {"limit": PAGE_SIZE, "sort": "new"}))
    except prawcore.NotFound:
        return None
    return [data for thing in listed if (data := data_of(thing, "t3")) is not None]


def own_message_to(reddit: praw.Reddit, message: str, name: str) -> str | None:
    """Return the fullname of the account's own reply to a message; ``None`` when there is none.

    Raises ``prawcore.NotFound`` where Reddit offers neither what was sent nor the conversation.
    """
    try:
        sent = children(_get(reddit, API_PATH["sent"], {"limit": PAGE_SIZE}))
    except prawcore.NotFound:
        asked = children(_get(reddit, API_PATH["message"].format(id=id_of(message))))
        answered = [data.get("replies") for thing in asked if (data := data_of(thing, "t4")) is not None]
        sent = [reply for replies in answered if replies for reply in children(replies)]
    replies = [item for thing in sent if isinstance(item := read_item(thing), Message) and item.parent == message]
    return next((reply.fullname for reply in replies if (reply.author or "").lower() == name.lower()), None)


def allowed_media(reddit: praw.Reddit, subreddit: str) -> frozenset[str]:
    """Return which media a community allows in comments: ``static``, ``animated``, and others."""
    try:
        about = _get(reddit, API_PATH["subreddit_about"].format(subreddit=subreddit))
    except (prawcore.NotFound, prawcore.Forbidden, prawcore.Redirect):
        return frozenset()
    data = data_of(about, "t5") or {}
    allowed = data.get("allowed_media_in_comments")
    return frozenset(kind for kind in allowed if isinstance(kind, str)) if isinstance(allowed, list) else frozenset()


def is_moderator(reddit: praw.Reddit, subreddit: str, name: str) -> bool:
    """Return whether somebody moderates a community; False where Reddit doesn't say."""
    path = API_PATH["list_moderator"].format(subreddit=subreddit)
    try:
        listed = children(_get(reddit, path, {"user": name}))
    except (prawcore.NotFound, prawcore.Forbidden, prawcore.Redirect):
        _log.info("reddit: r/%s doesn't say who moderates it", subreddit)
        return False
    except Malformed:
        return False
    names = [text(data, "name") for data in listed if isinstance(data, dict)]
    return name.lower() in {moderator.lower() for moderator in names}


def remove(reddit: praw.Reddit, fullname: str) -> None:
    """Delete one of the bot's own things; it may be gone already."""
    try:
        reddit.post(API_PATH["del"], data={"id": fullname})
    except prawcore.NotFound:
        _log.info("reddit: %s is gone already", fullname)


def _get(reddit: praw.Reddit, path: str, params: dict[str, str | int] | None = None) -> Any:
    return reddit.request(method="GET", path=path, params=params)
