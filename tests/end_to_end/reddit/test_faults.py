"""The fault matrix: each call to Reddit fails in each way, and whoever called the bot gets exactly one answer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Tell
from tests.end_to_end.photos import gray_photo
from tests.end_to_end.reddit.nursery import TIMEOUT_SECONDS, Nursery, until
from tests.end_to_end.reddit.stage import Stage, settings_for, stage
from tests.platforms.reddit import MATRIX, Fault, Kind, RedditDouble
from tests.platforms.reddit.things import Comment, Submission

SLOW_SECONDS = 2.5
"""Beyond the bot's patience."""
PARALLEL = 4


@dataclass(frozen=True)
class Call:
    """A call of the bot, and how to make the bot make it."""

    path: str
    hosting: str
    """Also the name of the community: ``comment`` allows pictures in comments, ``profile`` does not."""
    mention: bool = False
    method: str = "GET"
    deletes: bool = False
    depth: int = 0
    """How far above the summons the picture is."""
    keyed: bool = True
    """Whether the call itself says which thread it is about."""


FIRST_OF_ALL = (
    Call("www:/api/v1/access_token", "profile", method="POST"),
    Call("oauth:/api/v1/me", "profile"),
    Call("oauth:/message/unread", "profile", mention=True),
    Call("oauth:/r/[^/]+/comments$", "profile"),
    Call("oauth:/api/read_message", "profile", mention=True, method="POST"),
)
"""Calls that a bot makes when it starts, or seldom: each fault has a bot of its own."""
CALLS = (
    Call("oauth:/r/[^/]+/comments$", "profile", keyed=False),
    Call("oauth:/message/unread", "profile", mention=True, keyed=False),
    Call("oauth:/(r/[^/]+/)?comments/", "comment", depth=12),
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
NOT_ALWAYS_MADE = ("/submitted",)
"""Calls that the bot may do without."""


@pytest.mark.timeout(600)
def test_each_call_fails_in_each_way(tmp_path: Path, worker_url: str, tell: Tell):
    began = time.monotonic()
    with RedditDouble() as reddit:
        reddit.world.subreddit("comment", media_in_comments=("static",))
        fresh = tuple(f"fresh{number}" for number in range(len(MATRIX)))
        with stage(
            tmp_path,
            worker_url,
            reddit=reddit,
            subreddits=("comment", "profile", *fresh),
            prawcore_timeout=str(TIMEOUT_SECONDS),
        ) as staged:
            staged.answer(staged.summon(staged.post("profile")))
            faults = [fault for call in CALLS for fault in _order(call, staged)]
            staged.answered_all()
            staged.until(
                lambda: all(fault.hits or _may_be_left_out(fault) for fault in faults),
                f"{[(str(fault.kind), fault.path) for fault in faults if not fault.hits]}",
            )
            staged.until(lambda: not _to_be_deleted(staged), "what is to be deleted")
            assert staged.stray_posts() == []
            staged.check()
    hit = [fault for fault in faults if fault.hits]
    missed = sorted({fault.path for fault in faults if not fault.hits})
    tell(
        f"Reddit, fault matrix: {len(hit)} of {len(faults)} passed in {time.monotonic() - began:.0f} s"
        + (f"; calls that weren't made: {missed}" if missed else "")
    )


@pytest.mark.timeout(600)
def test_each_first_call_fails_in_each_way(tmp_path: Path, worker_url: str, tell: Tell):
    began = time.monotonic()
    cases = [(call, kind) for call in FIRST_OF_ALL for kind in MATRIX]
    with Nursery() as nursery, ThreadPoolExecutor(PARALLEL) as together:

        def one(number: int) -> str | None:
            folder = tmp_path / str(number)
            folder.mkdir()
            call, kind = cases[number]
            try:
                _begin_with(call, kind, folder, worker_url, nursery)
            except AssertionError as error:
                return f"{call.path} {kind}: {error}"
            return None

        failed = [problem for problem in together.map(one, range(len(cases))) if problem]
    passed, seconds = len(cases) - len(failed), time.monotonic() - began
    tell(f"Reddit, fault matrix of first calls: {passed} of {len(cases)} passed in {seconds:.0f} s")
    assert not failed, "\n".join(failed)


def _begin_with(call: Call, kind: Kind, folder: Path, worker_url: str, nursery: Nursery) -> None:
    with RedditDouble() as reddit:
        photo = gray_photo(48, 32, seed=int(folder.name))
        post = reddit.posts.image("elsewhere" if call.mention else "pics", photo)
        summons = reddit.comment(post, "u/colorizebot" if call.mention else "colorizebot")
        reddit.world.subreddit("pics")
        fault = reddit.faults.order(Fault(kind, call.path, call.method, seconds=_seconds(kind)))
        bot = nursery.start(folder, settings_for(reddit, worker_url, REDDIT__HOSTING="web"))
        until(lambda: bool(fault.hits), "the fault")
        until(lambda: bool(reddit.answers_to(summons)), "an answer")
        time.sleep(1)
        assert len(reddit.answers_to(summons, gone=True)) == 1, "not exactly one answer"
        assert nursery.alive(bot), "the bot ended"
        nursery.kill(bot)
        log = (folder / "bot.log").read_text()
        assert "Traceback" not in log, log[log.index("Traceback") :][:3000]
        assert reddit.complaints == [], reddit.complaints


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
        summons = staged.summon(_far_below(staged, post, call.depth), body, author=f"person{len(staged.expected) % 20}")
        if call.deletes:
            _delete(staged, summons.author, staged.answer(summons), moderator="moderators" in call.path)
    return faults


def _far_below(staged: Stage, post: Submission, depth: int) -> Submission | Comment:
    """Return where to summon: the post, or a comment deep below one that has a picture."""
    on: Submission | Comment = post
    for step in range(depth):
        on = staged.reddit.comment(on, f"{step}", author="chatter", picture=None if step else staged.photo())
    return on


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
