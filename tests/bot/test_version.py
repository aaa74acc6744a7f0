"""The version is known whether the bot is installed or just checked out."""

from importlib import metadata

import pytest

from bot.version import version


def test_it_is_the_installed_one() -> None:
    assert version() == metadata.version("colorizebot")


def test_a_checkout_that_was_never_installed_runs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert version() == "0"
