"""The fault matrix: each call to Reddit fails in each way, and whoever called the bot gets exactly one answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.reddit.stage import Stage, stage
from tests.platforms.reddit import MATRIX, Fault, Kind, RedditDouble

SLOW_SECONDS = 2.5
"""Beyond the bot's patience, which is set to half of it."""


@dataclass(frozen=True)
class Call:
    """A call of the bot, and how to make the bot make it."""

    path: str
    hosting: str
    """Also the name of the community: ``comment`` allows pictures in comments, ``profile`` does not."""
    mention: bool = False
    method: str = "GET"
    deletes: bool = False
    keyed: bool = True
    """Whether the call itself says which thread it is about."""


CALLS = (
    Call("www:/api/v1/access_token", "profile", method="POST", keyed=False),
    Call("oauth:/r/[^/]+/comments$", "profile", keyed=False),
    Call("oauth:/message/unread", "profile", mention=True, keyed=False),
    Call("oauth:/api/read_message", "profile", mention=True, method="POST", keyed=False),
    Call("oauth:/api/info", "profile"),
    Call("oauth:/(r/[^/]+/)?comments/", "profile"),
    Call("oauth:/r/[^/]+/about$", "fresh", keyed=False),
    Call("oauth:/r/[^/]+/about/moderators", "profile", deletes=True, keyed=False),
    Call("oauth:/api/media/asset", "profile", method="POST", keyed=False),
    Call("oauth:/api/media/asset", "comment", method="POST", keyed=False),
    Call("upload:/$", "profile", method="POST", keyed=False),
    Call("upload:/$", "comment", method="POST", keyed=False),
    Call("upload:/[a-z0-9]+$", "profile", keyed=False),
    Call("oauth:/api/submit", "profile", method="POST", keyed=False),
    Call("oauth:/user/[^/]+/submitted", "profile", keyed=False),
    Call("oauth:/api/comment", "profile", method="POST"),
    Call("oauth:/api/comment", "comment", method="POST"),
    Call("oauth:/api/del", "profile", deletes=True, method="POST", keyed=False),
)
NOT_ALWAYS_MADE = ("/submitted", "comments/", "upload:/[a-z0-9]+$", "/api/info")
"""Calls that the bot may do without."""


def test_each_call_fails_in_each_way(tmp_path: Path, worker_url: str, capsys: pytest.CaptureFixture[str]):
    began = time.monotonic()
    with RedditDouble() as reddit:
        reddit.world.subreddit("comment", media_in_comments=("static",))
        fresh = tuple(f"fresh{number}" for number in range(len(MATRIX)))
        with stage(
            tmp_path,
            worker_url,
            reddit=reddit,
            subreddits=("comment", "profile", *fresh),
            prawcore_timeout=str(SLOW_SECONDS / 2),
        ) as staged:
            staged.answer(staged.summon(staged.post("profile")))
            faults = [fault for call in CALLS for fault in _order(call, staged)]
            staged.answered_all()
            staged.until(
                lambda: all(fault.hits or _may_be_left_out(fault) for fault in faults),
                f"all faults: {[(f.kind, f.path) for f in faults if not f.hits]}",
            )
            staged.until(lambda: not _to_be_deleted(staged), "what is to be deleted")
            staged.check()
            posts = reddit.own()[1]
    titles = [post.title for post in posts]
    assert len(titles) == len(set(titles))
    hit = [fault for fault in faults if fault.hits]
    with capsys.disabled():
        missed = sorted({fault.path for fault in faults if not fault.hits})
        print(f"\nReddit, fault matrix: {len(hit)} of {len(faults)} passed in {time.monotonic() - began:.0f} s", end="")
        print(f"; calls that weren't made: {missed}" if missed else "")


def _order(call: Call, staged: Stage) -> list[Fault]:
    """Order the seven faults of a call, and seven summonses that lead to it."""
    faults = []
    for number, kind in enumerate(MATRIX):
        place = f"fresh{number}" if call.hosting == "fresh" else call.hosting
        post = staged.reddit.posts.image(
            "elsewhere" if call.mention else place, staged.photo(), title=f"{call.path} {call.hosting} {kind}"
        )
        fault = Fault(kind, call.path, method=call.method, seconds=_seconds(kind))
        fault.thread = post.fullname if call.keyed else None
        if call.path.endswith("/about$"):
            fault.path = f"oauth:/r/{place}/about$"
        faults.append(staged.reddit.faults.order(fault))
        body = "u/colorizebot" if call.mention else "colorizebot"
        summons = staged.summon(post, body, author=f"person{len(staged.expected) % 20}")
        if call.deletes:
            _delete(staged, summons.author, staged.answer(summons), moderator="moderators" in call.path)
    if "access_token" in call.path:
        staged.reddit.tokens.revoke_all()
    return faults


def _delete(staged: Stage, author: str, answer: object, *, moderator: bool) -> None:
    assert hasattr(answer, "submission")
    answer.submission.subreddit.moderators.add("Judge")
    staged.silent(staged.reddit.world.comment(answer, "delete", author="Judge" if moderator else author))


def _to_be_deleted(staged: Stage) -> list[str]:
    parents = [
        comment.parent
        for comment in staged.reddit.world.comments.values()
        if comment.body == "delete" and comment.parent
    ]
    return [parent.fullname for parent in parents if not parent.gone]


def _may_be_left_out(fault: Fault) -> bool:
    return any(path in fault.path for path in NOT_ALWAYS_MADE)


def _seconds(kind: Kind) -> float:
    return SLOW_SECONDS if kind is Kind.SLOW else 1.0
