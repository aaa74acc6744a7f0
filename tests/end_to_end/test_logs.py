"""What the logs of a bot and of its worker say together: a request from the summons to its answer, and no more."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.photos import gray_photo
from tests.end_to_end.reddit.stage import Stage, settings_for
from tests.end_to_end.running_bot import RunningBot, running_bot, wait_for
from tests.inference.running_worker import RunningWorker
from tests.platforms.reddit import Fault, Kind, RedditDouble

WORKER_TOKEN = "s3cr3t-of-the-worker"
CONTENT = ("grandma", "holiday-at-the-sea", "signature-of-link", "what-somebody-wrote", "ann_the_asker", "in-the-photo")
"""Words in whatever people write and send in these tests."""
TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (DEBUG|INFO|WARNING|ERROR) +\S.*")


class Evening:
    """A bot on Reddit and the web, a worker elsewhere, and what both logged."""

    def __init__(self, stage: Stage, worker: RunningWorker) -> None:
        self.stage = stage
        self.bot = stage.bot
        self.worker = worker

    @property
    def bot_lines(self) -> list[str]:
        return self.bot.log.read_text().splitlines()

    @property
    def worker_lines(self) -> list[str]:
        return self.worker.output.splitlines()

    def secrets(self) -> set[str]:
        known = self.stage.reddit.credentials
        return {known.client_secret, known.password, WORKER_TOKEN}


@pytest.fixture(scope="module", params=["text", "json"])
def evening(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    """Let people ask for all kinds of things, some of which go wrong."""
    folder, form = tmp_path_factory.mktemp("evening"), str(request.param)
    home = folder / "worker"
    home.mkdir()
    (home / ".env").write_text(f"COLORIZEBOT_WORKER_TOKEN={WORKER_TOKEN}\n")
    flags = ["--port", "0", "--device", "cpu", "--log-format", form, "--log-level", "debug"]
    with RedditDouble() as reddit, RunningWorker(*flags, folder=home) as worker:
        worker.wait_for('event": "ready"' if form == "json" else "ready model=")
        reddit.world.subreddit("pics")
        more = {"INFERENCE_TOKEN": WORKER_TOKEN, "LOG_FORMAT": form, "LOG_LEVEL": "DEBUG"}
        with running_bot(folder, **settings_for(reddit, worker.url, **more)) as bot:
            made = Evening(Stage(reddit, bot), worker)
            _ask_for_all_kinds_of_things(made)
            yield made


def _ask_for_all_kinds_of_things(evening: Evening) -> None:
    bot, reddit = evening.bot, evening.stage.reddit
    bot.until(bot.post(gray_photo(64, 48), name="grandma.jpg"), "answered")
    bot.until(bot.post(b"in-the-photo, which is none", name="grandma.jpg"), "refused")
    for link in (
        "http://127.0.0.1:9/holiday-at-the-sea.jpg?signature-of-link=1",
        "http://grandma.invalid/holiday-at-the-sea.jpg",
        "https://ann_the_asker:signature-of-link@example.com/",
    ):
        _post_link(bot, link)
    reddit.faults.order(Fault(Kind.SERVER_ERROR, "/api/comment", times=1))
    evening.stage.answer(
        evening.stage.summon(evening.stage.post(), "colorizebot what-somebody-wrote", author="ann_the_asker")
    )
    wait_for(lambda: bot.log.read_text().count("finished: answered") == 2 or None, "the end")


def _post_link(bot: RunningBot, link: str) -> None:
    request = urllib.request.Request(
        f"{bot.url}/api/requests", json.dumps({"url": link}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            bot.until(json.load(answer)["id"], "refused")
    except urllib.error.HTTPError as refused:
        if refused.code != 422:
            raise


def test_one_line_is_one_event(evening: Evening) -> None:
    form = "json" if evening.bot_lines[0].startswith("{") else "text"
    for line in [*evening.bot_lines, *evening.worker_lines]:
        if form == "json":
            assert {"time", "level", "logger", "event", "message"} <= set(json.loads(line))
        else:
            assert TEXT_LINE.fullmatch(line), line


def test_a_request_is_followed_from_the_summons_through_the_worker_to_its_answer(evening: Evening) -> None:
    taken = [match[1] for line in evening.bot_lines if (match := re.search(r"request (\S+) taken from reddit", line))]
    assert len(taken) == 1
    story = [line for line in evening.bot_lines if taken[0] in line]
    for event in ("taken from reddit", "in work: attempt=1", "has to wait", "in work: attempt=2", "finished: answered"):
        assert any(event in line for line in story), event
    evening.worker.wait_for(rf"(?m)^(?=.*{taken[0]}).*recolored")
    [done] = [line for line in evening.worker_lines if taken[0] in line and "recolored" in line]
    if done.startswith("{"):
        fields: list[dict[str, Any]] = [json.loads(line) for line in [*story, done]]
        assert {each["request_id"] for each in fields} == {taken[0]}


def test_nothing_that_people_sent_and_no_secret_is_logged(evening: Evening) -> None:
    logs = "\n".join([*evening.bot_lines, *evening.worker_lines])
    assert "link_unreachable" in logs
    assert "not_an_image" in logs
    for content in (*CONTENT, *evening.secrets()):
        assert content not in logs, next(line for line in logs.splitlines() if content in line)
