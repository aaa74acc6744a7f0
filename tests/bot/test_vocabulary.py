"""Ids of requests."""

import secrets

import pytest

from bot.vocabulary import new_request_id


def test_no_id_looks_like_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-Z3k", "--no", "Z3k-"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _: next(drawn))
    assert new_request_id() == "Z3k-"
