"""The crash matrix: killed at each step of a request's life, started again, and answered exactly once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Tell
from tests.end_to_end.photos import chroma_of, gray_photo
from tests.end_to_end.reddit.dying_bot import Step
from tests.end_to_end.reddit.nursery import Nursery, until
from tests.end_to_end.reddit.stage import settings_for
from tests.platforms.reddit import RedditDouble
from tests.platforms.reddit.things import Comment

PARALLEL = 4

LEDGER, STORAGE, ADAPTER = "bot.ledger:Ledger", "bot.storage:Storage", "bot.adapters.reddit:RedditAdapter"

_LIFE = [
    ("bot.intake:Intake", "take"),
    (LEDGER, "record"),
    (LEDGER, "claim"),
    (ADAPTER, "locate"),
    (LEDGER, "located"),
    ("bot.fetching:Fetcher", "fetch"),
    (STORAGE, "save_input"),
    ("bot.recolorer:Recolorer", "recolor"),
    (STORAGE, "save_picture"),
    ("bot.archive:Archive", "remember"),
    (LEDGER, "decided"),
    (ADAPTER, "answer"),
    (LEDGER, "delivered"),
]
_COMMENT = "POST .*/api/comment"
_WIRE = {
    "comment": [
        "GET .*/r/pics/comments",
        "GET .*/_/",
        "GET .*/pics/about",
        "asset.json",
        "POST https",
        _COMMENT,
    ],
    "profile": ["asset.json", "POST https", "POST .*/api/submit", "websocket", _COMMENT],
    "web": ["POST .*/access_token", _COMMENT],
}
_INBOX = ["GET .*/message/unread", "POST .*/api/read_message", _COMMENT]
_DELETION = ["POST .*/api/del", "GET .*/about/moderators"]


@dataclass(frozen=True)
class Case:
    step: Step
    hosting: str = "web"
    call: str = "summons"
    """``summons``, ``mention``, ``delete`` by the requester, ``removal`` by a moderator."""

    def __str__(self) -> str:
        owner, what, moment = self.step
        return f"{self.call}, hosting={self.hosting}: {moment} {owner.rpartition(':')[2]} {what}"


def cases() -> Iterator[Case]:
    for moment in ("before", "after"):
        yield from (Case((owner, method, moment), "profile") for owner, method in _LIFE)
        yield Case((LEDGER, "noted", moment), "profile")
        for hosting, calls in _WIRE.items():
            yield from (Case(("http", call, moment), hosting) for call in calls)
        yield from (Case(("http", call, moment), call="mention") for call in _INBOX)
        yield from (Case((owner, method, moment), "profile", "delete") for owner, method in [(LEDGER, "deleted")])
        yield Case(("http", _DELETION[0], moment), "profile", "delete")
        yield Case(("http", _DELETION[1], moment), "comment", "removal")


@pytest.mark.timeout(600)
def test_killed_at_each_step(tmp_path: Path, worker_url: str, tell: Tell):
    everything = list(cases())
    with Nursery() as nursery, ThreadPoolExecutor(PARALLEL) as together:

        def one(number: int) -> str | None:
            folder = tmp_path / str(number)
            folder.mkdir()
            try:
                _live_through(everything[number], folder, worker_url, nursery)
            except AssertionError as error:
                return f"{everything[number]}: {error}\n{_last_lines(folder)}"
            return None

        began = time.monotonic()
        failed = [problem for problem in together.map(one, range(len(everything))) if problem]
    passed = len(everything) - len(failed)
    tell(f"Reddit, crash matrix: {passed} of {len(everything)} passed in {time.monotonic() - began:.0f} s")
    assert not failed, "\n".join(failed)


def _live_through(case: Case, folder: Path, worker_url: str, nursery: Nursery) -> None:
    with RedditDouble() as reddit:
        reddit.world.subreddit("pics", media_in_comments=("static",), moderators={"Judge"})
        settings = settings_for(reddit, worker_url, REDDIT__HOSTING=case.hosting)
        photo = gray_photo(48, 32, seed=int(folder.name))
        place = "faraway" if case.call == "mention" else "pics"
        body = "u/colorizebot" if case.call == "mention" else "colorizebot"
        summons = reddit.comment(reddit.posts.image(place, photo), body)
        if case.call in ("delete", "removal"):
            _answer_first(reddit, summons, folder, settings, nursery)
            author = "Judge" if case.call == "removal" else "ann"
            reddit.comment(reddit.answers_to(summons)[0], "delete", author=author)
        dying = nursery.start(folder, settings, case.step)
        until((folder / "died").exists, "the step to be reached")
        until(lambda: not nursery.alive(dying), "the death")
        bot = nursery.start(folder, settings)
        if case.call in ("delete", "removal"):
            until(lambda: not reddit.answers_to(summons) and not reddit.own()[1], "the answer to be deleted")
            time.sleep(1)
        else:
            until(lambda: bool(reddit.answers_to(summons)), "an answer")
            _quiet(folder)
        assert len(reddit.answers_to(summons, gone=True)) == 1, "not exactly one answer"
        assert nursery.alive(bot), "the bot ended"
        nursery.kill(bot)
        if case.call in ("summons", "mention"):
            _check_answer(case, reddit, summons)
        assert reddit.complaints == [], reddit.complaints


def _answer_first(
    reddit: RedditDouble, summons: Comment, folder: Path, settings: dict[str, str], nursery: Nursery
) -> None:
    bot = nursery.start(folder, settings)
    until(lambda: bool(reddit.answers_to(summons)), "the first answer")
    until(lambda: "finished: answered" in (folder / "bot.log").read_text(), "the answer to be noted")
    nursery.kill(bot)


def _check_answer(case: Case, reddit: RedditDouble, summons: Comment) -> None:
    answer = reddit.answers_to(summons)[0]
    posts = reddit.own()[1]
    assert len(posts) == (case.hosting == "profile"), f"{len(posts)} posts on the profile"
    if case.hosting == "profile":
        assert posts[0].id in answer.body, "the answer leads elsewhere"
        path = "/" + posts[0].fields["url"].rpartition("/")[2]
        assert chroma_of(reddit.studio.files[path][0]) > 1
    elif case.hosting == "comment":
        assert answer.pictures, "no picture in the comment"
    else:
        assert "/r/" in answer.body or "/results/" in answer.body


def _last_lines(folder: Path) -> str:
    return "\n".join((folder / "bot.log").read_text().splitlines()[-12:])


def _quiet(folder: Path) -> None:
    """Wait until the bot says that it is done with the request; it may have said so before it died."""
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and "finished: answered" not in (folder / "bot.log").read_text():
        time.sleep(0.05)
    time.sleep(0.7)
