"""Logging: one line an event on standard error, with the request's id where there is one, without anybody's content."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from inference import log_lines
from inference.log_lines import LogFormat

_CHATTY = ("alembic", "bot.ledger.outage.Pool")
"""The latter is SQLAlchemy speaking of its connections, in the name of our subclass."""


def configure(level: str, form: LogFormat = "text", *, secrets: Collection[str] = ()) -> None:
    """Log events of at least ``level`` (``"DEBUG"``, ``"INFO"``, ...), in UTC; ``secrets`` are cut out wherever."""
    log_lines.configure(level, form, secrets=secrets)
    for library in _CHATTY:
        logging.getLogger(library).setLevel(logging.WARNING)


def secrets_of(settings: BaseModel) -> set[str]:
    """Return every secret that the settings hold, and the passwords in those that are addresses."""
    return {secret for text in _secret_texts(settings) for secret in (text, *_passwords(text)) if secret}


def _secret_texts(settings: BaseModel) -> Iterator[str]:
    for name in type(settings).model_fields:
        match getattr(settings, name):
            case SecretStr() as secret:
                yield secret.get_secret_value()
            case BaseModel() as section:
                yield from _secret_texts(section)


def _passwords(text: str) -> tuple[str, ...]:
    try:
        password = urlsplit(text).password
    except ValueError:
        return ()
    return () if password is None else (password, unquote(password))
