"""Things as Reddit's JSON: the recorded moulds in ``tests/data/reddit``, filled with what a thing says."""

from __future__ import annotations

import copy
import functools
import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.platforms.reddit.things import Comment, Message, Received, Submission, Subreddit

DATA = Path(__file__).parents[2] / "data" / "reddit"
WWW = "https://www.reddit.com"

Json = dict[str, Any]


@functools.cache
def _read(name: str) -> Any:
    file = DATA / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else (DATA / f"{name}.txt").read_text()


def recorded(name: str) -> Any:
    """Return a copy of a recording: JSON, or the text of a ``.txt`` file."""
    return copy.deepcopy(_read(name))


def as_html(text: str) -> str:
    paragraphs = "".join(f"<p>{html.escape(part)}</p>\n" for part in text.split("\n\n"))
    return f'<div class="md">{paragraphs}</div>'


def submission(post: Submission) -> Json:
    data = recorded(post.mould)
    place = post.subreddit
    url = WWW + post.permalink
    data.update(
        id=post.id,
        name=post.fullname,
        author=post.author,
        title=post.title,
        created=float(int(post.created)),
        created_utc=float(int(post.created)),
        permalink=post.permalink,
        subreddit=place.name,
        subreddit_id=place.fullname,
        subreddit_name_prefixed=place.prefixed,
        subreddit_type=place.kind,
        selftext=post.text,
        selftext_html=as_html(post.text) if post.text else None,
        over_18=post.over18 or place.over18,
        spoiler=post.spoiler,
        locked=post.locked,
        archived=post.archived,
        num_comments=_count(post.comments),
        is_video=False,
        can_mod_post=False,
        removed_by_category=None,
        **({"url": url, "domain": f"self.{place.name}"} if post.mould == "submission_self" else {}),
    )
    data.update(copy.deepcopy(post.fields))
    if post.gone:
        word = f"[{post.gone}]"
        data.update(
            author="[deleted]",
            selftext=word if data["is_self"] else "",
            removed_by_category="deleted" if post.gone == "deleted" else "moderator",
            is_robot_indexable=False,
        )
        data.pop("author_fullname", None)
    return data


def comment(said: Comment, *, in_listing: bool = False) -> Json:
    """Render a comment without its replies."""
    data = recorded("comment_in_listing" if in_listing else "comment_in_thread")
    post, place = said.submission, said.submission.subreddit
    data.update(
        id=said.id,
        name=said.fullname,
        link_id=post.fullname,
        parent_id=said.parent_name,
        author=said.author,
        body=said.body,
        body_html=as_html(said.body),
        created=float(int(said.created)),
        created_utc=float(int(said.created)),
        edited=float(int(said.edited)) if said.edited else False,
        permalink=said.permalink,
        subreddit=place.name,
        subreddit_id=place.fullname,
        subreddit_name_prefixed=place.prefixed,
        subreddit_type=place.kind,
        is_submitter=said.author == post.author,
        locked=said.locked or post.locked,
        archived=post.archived,
        distinguished=None,
        stickied=False,
        replies="",
    )
    if said.pictures:
        data["media_metadata"] = copy.deepcopy(said.pictures)
    if in_listing:
        data.update(
            link_title=post.title,
            link_author=post.author,
            link_permalink=WWW + post.permalink,
            link_url=submission(post)["url"],
            num_comments=_count(post.comments),
            over_18=post.over18,
        )
    else:
        data["depth"] = said.depth
    if said.gone:
        data.update(author="[deleted]", body=f"[{said.gone}]", body_html=as_html(f"[{said.gone}]"))
        data.update(collapsed_reason_code="DELETED", collapsed=True)
        data.pop("media_metadata", None)
        data.pop("author_fullname", None)
    return data


def replied(said: Comment) -> Json:
    """Render a comment the way that ``/api/comment`` gives it back."""
    data = recorded("comment_reply")
    data.update({key: value for key, value in comment(said).items() if key in data or key == "permalink"})
    if said.pictures:
        data["media_metadata"] = copy.deepcopy(said.pictures)
    return data


def message(sent: Message, *, new: bool = False, type_: str = "unknown") -> Json:
    data = recorded("inbox_message")
    data.update(
        id=sent.id,
        name=sent.fullname,
        author=sent.author,
        dest=sent.to,
        subject=sent.subject,
        body=sent.body,
        body_html=as_html(sent.body),
        created=float(int(sent.created)),
        created_utc=float(int(sent.created)),
        new=new,
        type=type_,
        subreddit=sent.subreddit,
        subreddit_name_prefixed=f"r/{sent.subreddit}" if sent.subreddit else None,
        distinguished="moderator" if sent.author is None else None,
        parent_id=sent.parent.fullname if sent.parent else None,
        first_message=int(sent.first.id, 36) if sent.first else None,
        first_message_name=sent.first.fullname if sent.first else None,
    )
    return data


def received(item: Received, account: str) -> Json:
    """Render an inbox item; a mention has no ``link_id``, only a ``context``."""
    if isinstance(item.item, Message):
        return message(item.item, new=item.new, type_=item.type)
    said = item.item
    mention = item.type == "username_mention"
    data = recorded("inbox_mention" if mention else "inbox_comment_reply")
    subjects = {"username_mention": "username mention", "comment_reply": "comment reply", "post_reply": "post reply"}
    data.update(
        id=said.id,
        name=said.fullname,
        parent_id=said.parent_name,
        author="[deleted]" if said.gone else said.author,
        body=f"[{said.gone}]" if said.gone else said.body,
        body_html=as_html(said.body),
        created=float(int(said.created)),
        created_utc=float(int(said.created)),
        new=item.new,
        type=item.type,
        subject=subjects[item.type],
        dest=account,
        link_title=said.submission.title,
        subreddit=said.submission.subreddit.name,
        subreddit_name_prefixed=said.submission.subreddit.prefixed,
        context=f"{said.permalink}?context=3",
        distinguished=None,
    )
    return data


def about(place: Subreddit, account: str) -> Json:
    data = recorded("subreddit_about")
    data.update(
        id=place.id,
        name=place.fullname,
        display_name=place.name,
        display_name_prefixed=place.prefixed,
        title=place.name,
        url=place.path,
        over18=place.over18,
        subreddit_type=place.kind,
        quarantine=place.quarantined,
        allowed_media_in_comments=list(place.media_in_comments),
        user_is_banned=account.lower() in place.banned,
        user_is_moderator=account.lower() in {name.lower() for name in place.moderators},
        restrict_posting=place.kind == "restricted",
        restrict_commenting=False,
        spoilers_enabled=True,
        allow_images=True,
        allow_galleries=place.galleries,
    )
    return data


def listing(children: list[Json], *, after: str | None = None, before: str | None = None) -> Json:
    data = {"after": after, "dist": len(children), "modhash": None, "geo_filter": "", "children": children}
    return {"kind": "Listing", "data": {**data, "before": before}}


def thing(kind: str, data: Json) -> Json:
    return {"kind": kind, "data": data}


def tree(
    comments: list[Comment], room: Room, *, newest_first: bool = False, keep: Callable[[Comment], bool]
) -> list[Json]:
    """Render comments with their replies as far as there is room; the rest is a ``more``."""
    rendered: list[Json] = []
    shown = [said for said in comments if keep(said)]
    for index, said in enumerate(sorted(shown, key=lambda said: said.created, reverse=newest_first)):
        if not room.take(said):
            rest = sorted(shown, key=lambda said: said.created, reverse=newest_first)[index:]
            rendered.append(_more(rest))
            break
        data = comment(said)
        if said.replies:
            replies = tree(said.replies, room, newest_first=newest_first, keep=keep)
            data["replies"] = listing(replies) if replies else ""
        rendered.append(thing("t1", data))
    return rendered


class Room:
    """How many comments an answer may hold, and how deep it may go."""

    def __init__(self, comments: int, depth: int) -> None:
        self._comments = comments
        self._depth = depth

    def take(self, said: Comment) -> bool:
        if self._comments <= 0 or said.depth >= self._depth:
            return False
        self._comments -= 1
        return True


def _more(rest: list[Comment]) -> Json:
    first = rest[0]
    return thing(
        "more",
        {
            "count": _count(rest),
            "name": first.fullname,
            "id": first.id,
            "parent_id": first.parent_name,
            "depth": first.depth,
            "children": [said.id for said in rest],
        },
    )


def _count(comments: list[Comment]) -> int:
    return sum(1 + _count(said.replies) for said in comments)
