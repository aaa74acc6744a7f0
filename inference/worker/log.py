"""Logging: one line per event, first a word for what happened, then its facts as ``name=value``.

Nothing of what users send is logged: no file names, no addresses of clients, no pixels; only sizes, kinds and times.
"""

from __future__ import annotations

import json
import logging

from inference.log_lines import LogFormat
from inference.log_lines import configure as configure_lines

_LOGGER = logging.getLogger("colorizebot.worker")


def configure(level: str, form: LogFormat = "text") -> None:
    """Send events of at least ``level`` ("debug", "info", ...) to standard error, in UTC, as text or JSON."""
    configure_lines(level, form)


def event(name: str, *, level: int = logging.INFO, **facts: object) -> None:
    """Log one event, for example ``event("ready", seconds=2.1)`` as ``ready seconds=2.1``."""
    if _LOGGER.isEnabledFor(level):
        _LOGGER.log(level, "%s", _line(name, facts), extra={"event": name, "facts": facts})


def failure(name: str) -> None:
    """Log the exception being handled, with its traceback: a bug, to be reported and mended."""
    _LOGGER.exception("%s", name, extra={"event": name, "facts": {}})


def _line(name: str, facts: dict[str, object]) -> str:
    return " ".join([name, *(f"{key}={_value(fact)}" for key, fact in facts.items())])


def _value(fact: object) -> str:
    if isinstance(fact, float):
        return f"{fact:.3g}" if abs(fact) < 100 else f"{fact:.0f}"
    text = str(fact)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ' "=\n') or not text else text
