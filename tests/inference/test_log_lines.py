"""What the lines of a log look like, and what never gets into them."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

import pytest

from inference.log_lines import JsonLines, TextLines
from inference.request_id import accepted, current, following


def record(message: str, *arguments: object, error: BaseException | None = None, **extra: Any) -> logging.LogRecord:
    """Return what ``logging`` makes of a call."""
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    made = logging.LogRecord("bot.pipeline", logging.INFO, __file__, 1, message, arguments, exc_info)
    made.__dict__.update(extra)
    return made


def as_json(made: logging.LogRecord, *secrets: str) -> dict[str, Any]:
    line = JsonLines(secrets).format(made)
    assert "\n" not in line
    fields: dict[str, Any] = json.loads(line)
    return fields


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as caught:
        return caught


def test_a_line_for_people_tells_time_level_and_sentence() -> None:
    line = TextLines().format(record("request %s taken from %s: photos=%d", "abc", "web", 2))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO    request abc taken from web: photos=2", line)


def test_a_line_of_json_has_the_facts_in_fields_of_their_own() -> None:
    fields = as_json(record("request %s in work: attempt=%d pause=%g", "abc", 2, 0.5))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert fields == {
        "level": "info",
        "logger": "bot.pipeline",
        "event": "request in work",
        "message": "request abc in work: attempt=2 pause=0.5",
        "request_id": "abc",
        "attempt": 2,
        "pause": 0.5,
    }


@pytest.mark.parametrize(
    ("template", "event"),
    [
        ("request %s finished: %s seconds=%.2f", "request finished"),
        ("request %s: results can't go to %s: %s", "request: results can't go to"),
        ("a link was refused: reason=%s%s%s", "a link was refused"),
        ("the %s adapter ended and is started again in %g s", "the adapter ended and is started again in s"),
        ("stopping", "stopping"),
    ],
)
def test_events_of_a_kind_have_one_name(template: str, event: str) -> None:
    values = {"s": "x", "f": 1.0, "g": 1.0}
    arguments = [values[kind] for kind in re.findall(r"%[.\d]*([a-z])", template)]
    assert as_json(record(template, *arguments))["event"] == event


def test_facts_given_apart_are_taken_as_they_are_and_replace_nothing() -> None:
    fields = as_json(
        record("%s", "ready", event="ready", facts={"seconds": float("nan"), "level": "odd", "model": "m"})
    )
    assert (fields["event"], fields["seconds"], fields["level"], fields["model"]) == ("ready", "nan", "info", "m")


def test_what_is_logged_while_a_request_is_followed_carries_its_id_once() -> None:
    with following("abc"):
        assert TextLines().format(record("a link was refused")).endswith("a link was refused request=abc")
        assert TextLines().format(record("request %s failed", "abc")).endswith("request abc failed")
        assert as_json(record("a link was refused"))["request_id"] == "abc"
    assert current() is None
    assert "request_id" not in as_json(record("stopping"))


@pytest.mark.parametrize("nasty", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\u2028b", "a\x85b"])
def test_nothing_that_is_logged_begins_a_line_of_its_own(nasty: str) -> None:
    line = TextLines().format(record("Reddit said: %s", nasty))
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert len(JsonLines().format(record("Reddit said: %s", nasty)).splitlines()) == 1


def test_a_traceback_stays_on_the_line() -> None:
    made = record("request %s failed", "abc", error=raised(ValueError("no such thing")))
    line = TextLines().format(made)
    assert len(line.splitlines()) == 1
    assert "| Traceback (most recent call last): | " in line
    assert line.endswith("| ValueError: no such thing")
    assert as_json(made)["traceback"].splitlines()[-1] == "ValueError: no such thing"


def test_known_secrets_are_cut_out_of_sentences_fields_and_tracebacks() -> None:
    made = record("signing in with password=%s", "hunter2-long", error=raised(OSError("no hunter2-long here")))
    for line in (TextLines(["hunter2", "hunter2-long"]).format(made), JsonLines(["hunter2-long"]).format(made)):
        assert "hunter2" not in line
        assert "***" in line


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://example.com/private/photo.jpg?sig=1", "https://example.com/***"),
        ("https://example.com?sig=1", "https://example.com/***"),
        ("HTTPS://example.com/photo.jpg", "HTTPS://example.com/***"),
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("http://127.0.0.1:8090/", "http://127.0.0.1:8090"),
        ("postgresql+asyncpg://bot:pa55word@db:5432/colorizebot", "postgresql+asyncpg://db:5432/***"),
    ],
)
def test_of_an_address_only_the_host_is_logged(address: str, shown: str) -> None:
    line = TextLines().format(record("failed: %s", OSError(f"Cannot read {address} now")))
    assert line.endswith(f"failed: Cannot read {shown} now")


@pytest.mark.parametrize("text", ["a." * 50_000, "a-" * 50_000, "a://" * 25_000, "http://" + "x" * 100_000])
def test_a_long_text_holds_nobody_up(text: str) -> None:
    began = time.process_time()
    TextLines().format(record("%s", text))
    assert time.process_time() - began < 2


def test_an_id_from_outside_is_taken_only_when_it_belongs_in_a_log() -> None:
    assert accepted("Zm9v-_1") == "Zm9v-_1"
    for odd in (None, "", "a b", "a\nb", "x" * 65, "ä"):
        assert re.fullmatch(r"[\w-]{22}", accepted(odd))
