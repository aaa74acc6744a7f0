"""The command line as operators use it: real processes, real photos, and plain words when something is wrong."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.photos import chroma_of, gray_photo, size_of
from tests.end_to_end.running_bot import call_bot, running_bot


def test_photos_are_recolored_beside_themselves_and_a_bad_one_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "old.jpg").write_bytes(gray_photo(320, 240))
    (tmp_path / "Notes.JPG").write_text("no photo at all")
    done = call_bot(tmp_path, "recolor", "missing.jpg", "Notes.JPG", "old.jpg")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["old.jpg -> old-recolored.jpg", "1 of 3 photos recolored"]
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == ["missing.jpg", "Notes.JPG"]
    assert "No such file" in done.stderr
    assert "isn't a picture" in done.stderr
    recolored = (tmp_path / "old-recolored.jpg").read_bytes()
    assert size_of(recolored) == ("JPEG", (320, 240))
    assert chroma_of(recolored) > 1
    assert {file.name for file in tmp_path.iterdir()} == {"old.jpg", "old-recolored.jpg", "Notes.JPG"}


def test_names_are_kept_in_a_folder_and_nothing_is_overwritten_unless_told(tmp_path: Path) -> None:
    for folder in ("a", "b", "out"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "old.jpeg").write_bytes(gray_photo(64, 48))
    (tmp_path / "out" / "old.jpeg").write_bytes(b"precious")
    refused = call_bot(tmp_path, "recolor", "a/old.jpeg", "-o", "out")
    assert refused.returncode == 1
    assert "a/old.jpeg: out/old.jpeg is there already; --force overwrites it." in refused.stderr
    assert (tmp_path / "out" / "old.jpeg").read_bytes() == b"precious"
    forced = call_bot(tmp_path, "recolor", "a/old.jpeg", "b/old.jpeg", "-o", "out", "--force")
    assert forced.returncode == 1, "two photos never go into the same file"
    assert "1 of 2 photos recolored" in forced.stdout
    assert "out/old.jpeg has the result of another photo" in forced.stderr
    assert size_of((tmp_path / "out" / "old.jpeg").read_bytes()) == ("JPEG", (64, 48))


def test_the_name_of_the_result_says_its_format(tmp_path: Path) -> None:
    (tmp_path / "old.jpg").write_bytes(gray_photo(64, 48))
    done = call_bot(tmp_path, "recolor", "old.jpg", "-o", "new.png", "--layout", "side_by_side", "--vividness", "1.5")
    assert done.returncode == 0
    assert size_of((tmp_path / "new.png").read_bytes()) == ("PNG", (128, 48))
    misnamed = call_bot(tmp_path, "recolor", "old.jpg", "-o", "new.tiff")
    assert misnamed.returncode == 1
    assert "new.tiff would be no TIFF file; please name it .jpg, .png or .webp." in misnamed.stderr
    assert not (tmp_path / "new.tiff").exists()


def test_a_name_that_no_terminal_can_show_stops_nobody(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")  # as older systems wrote it
    (tmp_path / name).write_bytes(gray_photo(64, 48))
    done = call_bot(tmp_path, "recolor", name, PYTHONIOENCODING="utf-8:strict")
    assert (done.returncode, done.stdout) == (0, "caf\\udce9.jpg -> caf\\udce9-recolored.jpg\n"), done.stderr


def test_the_check_of_a_sound_bot(tmp_path: Path) -> None:
    done = call_bot(tmp_path, "check")
    assert done.returncode == 0, done.stdout
    for expected in ("made at the first start", "sqlite:///", "the bot's own: ", " on cpu", "python -m bot"):
        assert expected in done.stdout
    assert not (tmp_path / "data").exists(), "looking changes nothing"


def test_the_check_for_programs(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("not the token\n")
    done = call_bot(
        tmp_path,
        "check",
        "--json",
        COLORIZEBOT_DATA_DIR="/proc",  # where even root makes no file
        COLORIZEBOT_INFERENCE_URL="http://127.0.0.1:9",
        COLORIZEBOT_DISCORD__TOKEN_FILE="token",
        COLORIZEBOT_DISCORD__API_URL="http://127.0.0.1:9",
        COLORIZEBOT_RETENTION__RESULT_DAYS="30",
    )
    assert done.returncode == 1
    found = {finding["part"]: finding for finding in json.loads(done.stdout)}
    assert {part for part, finding in found.items() if finding["verdict"] == "problem"} == {
        "data folder",
        "worker",
        "Discord",
    }
    for part, variable in (
        ("data folder", "DATA_DIR"),
        ("worker", "INFERENCE_URL"),
        ("Discord", "DISCORD__API_URL"),
    ):
        assert f"COLORIZEBOT_{variable}" in found[part]["state"] + found[part]["next_step"]
    assert found["kept for"]["state"] == "photos 30 days, requests for ever"
    assert "not the token" not in done.stdout


def test_the_check_says_what_to_put_right(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = call_bot(
            tmp_path,
            "check",
            COLORIZEBOT_WEB__PORT=port,
            COLORIZEBOT_INFERENCE_URL="http://127.0.0.1:9",
            COLORIZEBOT_DATA_DIR=f"{'x' * 300}[/old]",
            COLORIZEBOT_DATABASE_URL="sqlite:////dev/null/ledger.sqlite3",
            COLORIZEBOT_WBE__PORT="1",
            **{"COLORIZEBOT_[wbe]:a:": "1"},
            PYTHONIOENCODING="ascii:surrogateescape",  # as on a terminal of the old kind
        )
    assert done.returncode == 1
    assert f"http://127.0.0.1:{port} is taken by another program" in done.stdout
    assert "COLORIZEBOT_[wbe]:a: is no setting" in done.stdout, "brackets and colons mean what they say"
    for variable in ("WEB__PORT", "INFERENCE_URL", "DATABASE_URL", "DATA_DIR", "WBE__PORT is no setting"):
        assert f"COLORIZEBOT_{variable}" in done.stdout


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"WEB__PORT": "eighty"}, "COLORIZEBOT_WEB__PORT is 'eighty', but should be a valid integer"),
        ({"DATA_DIR": "x" * 300}, "COLORIZEBOT_DATA_DIR"),
        ({"WEB__HOST": "no-such-host.invalid"}, "COLORIZEBOT_WEB__HOST"),
        ({"DATA_DIR": "/dev/null"}, "COLORIZEBOT_DATA_DIR"),
        ({"DATABASE_URL": "mysql://host/database"}, "COLORIZEBOT_DATABASE_URL"),
        ({"FETCH__ALLOW_PRIVATE": '["nas"]'}, "COLORIZEBOT_FETCH__ALLOW_PRIVATE"),
        ({"WORKER_WEIGHTS": "/no/such.safetensors"}, "COLORIZEBOT_WORKER_WEIGHTS"),
    ],
)
def test_what_the_operator_has_to_put_right_is_said_in_one_line(
    tmp_path: Path, settings: dict[str, str], expected: str
) -> None:
    done = call_bot(tmp_path, **{f"COLORIZEBOT_{name}": value for name, value in settings.items()})
    assert done.returncode == 2
    last_line = done.stderr.splitlines()[-1]
    assert last_line.startswith("colorizebot: ")
    assert expected in last_line
    assert "Traceback" not in done.stderr


def test_a_data_folder_that_can_not_be_looked_into_is_named(tmp_path: Path) -> None:
    done = call_bot(tmp_path, "stats", COLORIZEBOT_DATA_DIR="x" * 300)
    assert done.returncode == 2
    assert done.stderr.startswith("colorizebot: The data folder xxx")
    assert done.stderr.endswith("please run this as the user that the bot runs as, or see COLORIZEBOT_DATA_DIR.\n")


def test_a_taken_port_and_a_second_bot_are_said_in_one_line(tmp_path: Path) -> None:
    with running_bot(tmp_path) as bot:
        port = bot.url.rpartition(":")[2]
        second = call_bot(tmp_path)
        assert second.returncode == 2
        assert second.stderr.startswith("colorizebot: Another bot is running")
        elsewhere = call_bot(tmp_path, COLORIZEBOT_DATA_DIR=str(tmp_path / "elsewhere"), COLORIZEBOT_WEB__PORT=port)
        assert elsewhere.returncode == 2
        assert "set COLORIZEBOT_WEB__PORT to another one" in elsewhere.stderr.splitlines()[-1]
        assert "Traceback" not in elsewhere.stderr


def test_the_help_names_every_setting(tmp_path: Path) -> None:
    done = call_bot(tmp_path, "--help")
    assert done.returncode == 0
    for variable in (
        "DATA_DIR",
        "DATABASE_URL",
        "INFERENCE_URL",
        "TRIGGERS",
        "WEB__PUBLIC_URL",
        "FETCH__ALLOW_PRIVATE",
    ):
        assert f"COLORIZEBOT_{variable} (default " in done.stdout


def test_nothing_but_the_client_of_the_model_is_imported(tmp_path: Path) -> None:
    """The bot runs without torch, numpy or Pillow in its process."""
    program = "import sys, bot.commands.serve, bot.commands.recolor, bot.commands.check; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert {"torch", "numpy", "PIL"}.isdisjoint(done.stdout.split())


def test_the_stats_tell_what_was_asked(tmp_path: Path) -> None:
    assert call_bot(tmp_path, "stats").stdout == "Nothing was asked yet.\n"
    assert not (tmp_path / "data").exists(), "looking changes nothing"
    with running_bot(tmp_path) as bot:
        bot.until(bot.post(gray_photo(64, 48)), "answered")
        bot.until(bot.post(b"no photo"), "refused")
        for outcome in ("answered", "not_an_image"):
            bot.until_logged(f"finished: {outcome}")  # they are counted by then
        told = call_bot(tmp_path, "stats").stdout
        metrics = bot.get("/metrics").decode()
    row = next(line for line in told.splitlines() if line.startswith("│ web") and " s │" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")][:7] == ["web", "2", "2", "1", "1", "0", "0"]
    assert "not_an_image" in told
    assert 'colorizebot_refusals_total{platform="web",reason="not_an_image"} 1.0' in metrics
    assert 'colorizebot_requests_finished_total{outcome="refused",platform="web"} 1.0' in metrics
    assert 'colorizebot_answer_seconds_count{platform="web"} 2.0' in metrics


def test_a_community_that_had_banned_the_bot_may_be_let_in_again(tmp_path: Path) -> None:
    never = call_bot(tmp_path, "let-in", "reddit", "pics")
    assert (never.returncode, never.stdout) == (1, "pics on reddit has not shut the bot out.\n")
    assert not (tmp_path / "data").exists(), "looking changes nothing"
    with running_bot(tmp_path):
        pass  # that makes the database
    with sqlite3.connect(tmp_path / "data" / "colorizebot.sqlite3") as database:
        database.execute("INSERT INTO shut_outs VALUES ('reddit', 'pics', 'banned', '2026-01-01 00:00:00')")
    first = call_bot(tmp_path, "let-in", "reddit", "r/Pics")
    assert (first.returncode, first.stdout) == (0, "The bot answers in pics on reddit again.\n")
    again = call_bot(tmp_path, "let-in", "reddit", "pics")
    assert (again.returncode, again.stdout) == (1, "pics on reddit has not shut the bot out.\n")
