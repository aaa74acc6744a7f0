"""A photo in, the recolored photo out, whatever is killed meanwhile. All processes are real, and so is the model."""

import os
import signal
import sqlite3
import time
from pathlib import Path

from tests.end_to_end.photos import chroma_of, gray_animation, gray_photo, size_of
from tests.end_to_end.running_bot import RunningBot, running_bot, wait_for

LONG_SIZE = (800, 600)
LONG = gray_animation(*LONG_SIZE, frames=60)
"""In work for two seconds or more, so that something can be killed meanwhile."""


def rows(bot: RunningBot) -> list[tuple[str, str, int]]:
    with sqlite3.connect(bot.folder / "data" / "colorizebot.sqlite3") as ledger:
        return ledger.execute("SELECT id, state, attempts FROM requests").fetchall()


def assert_recolored(bot: RunningBot, request_id: str, size: tuple[int, int], *, kind: str = "JPEG") -> None:
    status = bot.until(request_id, "answered", "refused")
    assert status["refusal"] is None
    (result,) = status["results"]
    assert (result["width"], result["height"]) == size
    assert result["input"] == "gray"
    recolored = bot.get(result["url"])
    assert size_of(recolored) == (kind, size)
    assert chroma_of(recolored) > 1


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_posted_jpeg_comes_back_recolored_at_its_size(tmp_path: Path) -> None:
    with running_bot(tmp_path) as bot:
        request_id = bot.post(gray_photo(640, 427))
        assert_recolored(bot, request_id, (640, 427))
        (result,) = bot.status(request_id)["results"]
        assert size_of(bot.get(result["compare_url"])) == ("JPEG", (1280, 427))
        refused = bot.until(bot.post(b"just some text"), "refused")
        assert refused["refusal"]["reason"] == "not_an_image"
        worker = bot.worker_pid()
        assert bot.stop(signal.SIGINT) == 0
    assert "Traceback" not in bot.log.read_text()
    assert not is_alive(worker)


def test_a_worker_killed_in_mid_request_costs_nothing(tmp_path: Path) -> None:
    with running_bot(tmp_path) as bot:
        assert_recolored(bot, bot.post(gray_photo(64, 64)), (64, 64))  # it has warmed up
        for more in range(5):  # on a busy machine, a photo may be done too soon, or not in the worker yet
            request_id = bot.post(gray_animation(*LONG_SIZE, frames=60 + more))
            bot.until(request_id, "working", "answered")
            time.sleep(0.5)  # it has reached the worker by then
            os.kill(bot.worker_pid(), signal.SIGKILL)
            assert_recolored(bot, request_id, LONG_SIZE, kind="GIF")
            assert (request_id, "answered", 1) in rows(bot)
            if lost := "the worker was lost over a photo" in bot.log.read_text():
                break
        assert lost


def test_a_bot_killed_in_mid_request_finishes_it_after_its_restart(tmp_path: Path) -> None:
    with running_bot(tmp_path) as bot:
        request_id = bot.post(LONG)
        worker = bot.worker_pid()
        bot.until(request_id, "working")
        bot.kill()
    assert rows(bot) == [(request_id, "working", 1)]
    wait_for(lambda: not is_alive(worker) or None, "the orphaned worker to leave")
    with running_bot(tmp_path) as bot:
        assert_recolored(bot, request_id, LONG_SIZE, kind="GIF")
        assert rows(bot) == [(request_id, "answered", 2)]
        finished = f"request {request_id} finished: answered"
        bot.until_logged(finished)
        assert bot.log.read_text().count(finished) == 1


def test_a_stopping_bot_finishes_what_is_in_work(tmp_path: Path) -> None:
    with running_bot(tmp_path) as bot:
        request_id = bot.post(LONG)
        bot.until(request_id, "working")
        assert bot.stop(signal.SIGTERM) == 0
    assert rows(bot) == [(request_id, "answered", 1)]
    assert "Traceback" not in bot.log.read_text()


def test_what_can_not_be_finished_in_time_goes_on_at_the_next_start(tmp_path: Path) -> None:
    with running_bot(tmp_path, COLORIZEBOT_LIMITS__DRAIN_SECONDS="0") as bot:
        request_id = bot.post(LONG)
        bot.until(request_id, "working")
        assert bot.stop() == 0
    assert rows(bot) == [(request_id, "queued", 0)]
    with running_bot(tmp_path) as bot:
        assert_recolored(bot, request_id, LONG_SIZE, kind="GIF")
        assert rows(bot) == [(request_id, "answered", 1)]
