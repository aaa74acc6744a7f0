"""The trimmed description is a true part of Discord's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.data.discord.trim import write
from tests.platforms.discord.description import TRIMMED, load_description

ROOT = Path(__file__).parents[3]
WHOLE = ROOT.parent / "shared" / "recorded" / "discord" / "openapi.json"


def test_the_trimmed_description_is_what_the_script_makes_of_the_whole(tmp_path: Path) -> None:
    if not WHOLE.is_file():
        pytest.skip(f"Discord's whole API description is not at {WHOLE.relative_to(ROOT.parent)}")
    write(json.loads(WHOLE.read_text(encoding="utf-8")), tmp_path / "made.json.gz")
    made, kept = load_description(tmp_path / "made.json.gz"), load_description()
    assert made.document == kept.document


def test_it_is_small() -> None:
    assert TRIMMED.stat().st_size < 200_000


@pytest.mark.parametrize(
    ("method", "path", "body", "faulty"),
    [
        ("POST", "/channels/1/messages", {"content": "x", "nonce": "a" * 25, "enforce_nonce": True}, False),
        ("POST", "/channels/1/messages", {"content": "x", "nonce": "a" * 26}, True),
        ("POST", "/channels/1/messages", {"attachments": [{"id": 0, "filename": "a.png"}]}, False),
        ("POST", "/channels/1/messages", {"attachments": [{"filename": "a.png"}]}, True),
        ("POST", "/interactions/1/a/callback", {"type": 5, "data": {"flags": 64}}, False),
        ("POST", "/interactions/1/a/callback", {"type": 12345}, True),
        ("PATCH", "/webhooks/1/a/messages/@original", {"content": "x" * 2001}, True),
        ("PUT", "/applications/1/commands", [{"name": "colorize", "description": "x", "type": 1}], False),
        ("PUT", "/applications/1/commands", [{"description": "x"}], True),
        ("POST", "/channels/1/unheard-of", {}, True),
    ],
)
def test_requests_are_judged(method: str, path: str, body: object, faulty: bool) -> None:
    assert bool(load_description().request_faults(method, path, {}, body, "application/json")) is faulty


def test_queries_are_judged() -> None:
    description = load_description()
    path = "/channels/1/messages"
    assert description.request_faults("GET", path, {"limit": "100"}, None, None) == []
    assert description.request_faults("GET", path, {"limit": "101"}, None, None)
    assert description.request_faults("GET", path, {"newest": "1"}, None, None)
