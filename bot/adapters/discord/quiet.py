"""Keeping discord.py's log to what belongs there: one line an event, and no tokens."""

from __future__ import annotations

import logging
import re

import aiohttp
import discord

_LOGGERS = ("discord.client", "discord.shard", "discord.gateway", "discord.http", "discord.webhook.async_")
_SECRET = re.compile(r"(/(?:webhooks|interactions)/\d+)/[^/\s]+")
_FORESEEN = (
    OSError,
    TimeoutError,
    aiohttp.ClientError,
    discord.HTTPException,
    discord.GatewayNotFound,
    discord.ConnectionClosed,
)


class _OneLine(logging.Filter):
    """Says what went wrong without a traceback, and cuts the tokens out of addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, _FORESEEN):
            said, record.exc_info = f"{said} ({type(error).__name__}: {error})", None
        record.msg, record.args = _SECRET.sub(r"\1/...", said), ()
        return True


_ONE_LINE = _OneLine()


def keep_quiet() -> None:
    """Apply this to discord.py's loggers; doing it again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_ONE_LINE)
