"""What operators do with a bot that runs: load it, purge, replay, let things grow old; all in real processes."""

import json
import signal
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.end_to_end.photos import gray_photo
from tests.end_to_end.running_bot import RunningBot, call_bot, running_bot, wait_for
from tests.ports import free_port

NOWHERE = "http://127.0.0.1:9"


def folders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in (folder / "data" / "requests").iterdir())


def page(bot: RunningBot, request_id: str) -> tuple[int, str]:
    request = urllib.request.Request(f"{bot.url}/r/{request_id}", headers={"Accept": "text/html"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_load_test_loses_nothing_and_cleans_up_across_a_restart_of_the_bot(tmp_path: Path) -> None:
    port, told = str(free_port()), {}

    def load() -> None:
        told["done"] = call_bot(
            tmp_path, "load", f"http://127.0.0.1:{port}", "--clients", "3", "--seconds", "20", "--json"
        )

    with running_bot(tmp_path, COLORIZEBOT_WEB__PORT=port) as bot:
        wait_for(lambda: json.loads(bot.get("/healthz"))["worker"] == "ready" or None, "the worker")
        loading = threading.Thread(target=load)
        loading.start()
        wait_for(lambda: bot.log.read_text().count("finished: answered") > 3 or None, "answers")
        bot.kill()
    with running_bot(tmp_path, COLORIZEBOT_WEB__PORT=port):
        loading.join(90)
        found = json.loads(told["done"].stdout)
        assert found["accepted"] == found["answered"] > 3
        assert found["lost"] == found["left_behind"] == []
        assert found["refused"] == {}
        assert 0 < found["answer_seconds"]["p50"] <= found["answer_seconds"]["p99"]
        assert folders(tmp_path) == []
        pace = ("--clients", "9", "--per-second", "0.5", "--seconds", "3.5", "--json")
        assert json.loads(call_bot(tmp_path, "load", f"http://127.0.0.1:{port}", *pace).stdout)["accepted"] == 2
    assert call_bot(tmp_path, "load", f"http://127.0.0.1:{port}").returncode == 2


def test_a_limit_that_a_load_test_meets_is_named(tmp_path: Path) -> None:
    limits = {"COLORIZEBOT_LIMITS__COMMUNITY_PER_HOUR": "1", "COLORIZEBOT_LIMITS__MAX_PICTURES": "1"}
    with running_bot(tmp_path, **limits) as bot:
        done = call_bot(tmp_path, "load", bot.url, "--clients", "2", "--seconds", "6")
    assert done.returncode == 0, done.stdout
    assert "told to come later: crowded_community, 2 times" in done.stdout, "both wait as long as they are asked to"
    assert "COLORIZEBOT_LIMITS__COMMUNITY_PER_HOUR" in done.stdout


def test_what_is_purged_is_gone_while_the_bot_runs(tmp_path: Path) -> None:
    nothing = call_bot(tmp_path, "purge", "--older-than", "1d")
    assert (nothing.returncode, (tmp_path / "data").exists()) == (1, False), "looking changes nothing"
    with running_bot(tmp_path) as bot:
        kept, purged = bot.post(gray_photo(64, 48)), bot.post(gray_photo(64, 50))
        for request_id in (kept, purged):
            bot.until(request_id, "answered")
        link = f"--request={bot.url}/r/{purged}"
        unconfirmed = call_bot(tmp_path, "purge", link)
        assert unconfirmed.returncode == 2
        assert "--yes" in unconfirmed.stderr
        assert call_bot(tmp_path, "purge", link, "--dry-run").returncode == 0
        assert folders(tmp_path) == sorted([kept, purged])
        done = call_bot(tmp_path, "purge", link, "--yes")
        assert (done.returncode, "1 request deleted" in done.stdout) == (0, True), done.stderr
        assert folders(tmp_path) == [kept]
        assert page(bot, purged)[0] == 404
        elsewhere = call_bot(tmp_path, "purge", f"--person-of={kept}", "--platform", "reddit", "--yes")
        assert (elsewhere.returncode, "is from web; see --platform" in elsewhere.stderr) == (2, True)
        assert folders(tmp_path) == [kept]
        everything = call_bot(tmp_path, "purge", f"--person-of={kept}", "--yes")
        assert everything.returncode == 0
        assert folders(tmp_path) == []
        assert call_bot(tmp_path, "purge", link, "--yes").returncode == 1
    with sqlite3.connect(tmp_path / "data" / "colorizebot.sqlite3") as database:
        rows = database.execute("SELECT requester, community, images, message_id = id FROM requests").fetchall()
    assert [row[:3] for row in rows] == [("", None, "[]")] * 2


def test_what_was_refused_is_replayed_and_what_is_old_goes(tmp_path: Path) -> None:
    away = {"COLORIZEBOT_INFERENCE_URL": NOWHERE, "COLORIZEBOT_LIMITS__WORKER_PATIENCE_SECONDS": "0.5"}
    with running_bot(tmp_path, **away) as bot:
        request_id = bot.post(gray_photo(64, 48))
        assert bot.until(request_id, "refused")["refusal"]["reason"] == "worker_away"
    replayed = call_bot(tmp_path, "replay", "--reason", "worker_away", "--yes")
    assert (replayed.returncode, "1 request in the queue again" in replayed.stdout) == (0, True), replayed.stderr
    twice = call_bot(tmp_path, "replay", "--yes", "--", request_id)
    assert (twice.returncode, "open already" in twice.stdout) == (1, True)
    days = str(6 / 86400)
    with running_bot(tmp_path, COLORIZEBOT_RETENTION__WEB__RESULT_DAYS=days) as bot:
        began = time.monotonic()
        bot.until(request_id, "answered")
        bot.until_logged("deleted for age: photos=1 requests=0")
        assert time.monotonic() - began > 5
        status, text = page(bot, request_id)
        assert (status, "This photo is gone by now." in text) == (410, True)
        assert folders(tmp_path) == []


def test_settings_are_read_again_while_the_bot_runs(tmp_path: Path) -> None:
    file = tmp_path / "colorizebot.toml"
    file.write_text('triggers = ["before"]\n')
    with running_bot(tmp_path) as bot:
        assert b'data-triggers="before"' in bot.get("/")
        file.write_text('triggers = ["after"]\n[limits]\nmax_upload_bytes = 100\nparallel = 2\n')
        bot.process.send_signal(signal.SIGHUP)
        bot.until_logged("take effect at the next start: COLORIZEBOT_LIMITS__PARALLEL")
        bot.until_logged("applied COLORIZEBOT_TRIGGERS, COLORIZEBOT_LIMITS__MAX_UPLOAD_BYTES")
        assert b'data-triggers="after"' in bot.get("/")
        with pytest.raises(urllib.error.HTTPError, match="413"):
            bot.post(gray_photo(64, 48))
        file.write_text("triggers = [\n")
        bot.process.send_signal(signal.SIGHUP)
        bot.until_logged("left as they were, for they have a mistake: colorizebot.toml is no valid TOML")
        assert b'data-triggers="after"' in bot.get("/")
        assert bot.stop() == 0
