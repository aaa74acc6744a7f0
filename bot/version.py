"""Which version of the bot this is."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """Return the installed version; a checkout that was never installed is version 0."""
    try:
        return metadata.version("colorizebot")
    except metadata.PackageNotFoundError:
        return "0"
