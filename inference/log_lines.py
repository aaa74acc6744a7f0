"""What a log looks like: one line an event, for people or as JSON, with the request's id, without anybody's content.

Call sites say ``_log.info("request %s in work: attempt=%d", ...)``. As JSON, what follows ``name=`` becomes a field of
that name, what follows ``request`` the field ``request_id``, and the sentence without its facts, the same for all such
events, the field ``event``: here ``request in work``. Further fields are given as ``extra={"facts": {...}}``.

Whatever is logged, by libraries too, secrets that are known and all of an address but its host are cut out.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
import time
import traceback
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from inference import request_id

LogFormat = Literal["text", "json"]

_PLACEHOLDER = re.compile(r"(?:\b(?P<name>\w+)=|\b(?P<request>request) )?%[-#0 +]*\d*(?:\.\d+)?(?P<kind>[a-zA-Z%])")
_ADDRESS = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]{0,40}://)(?:[^\s/@'\"<>]*@)?(?P<host>[^\s/?#'\"<>]+)(?P<rest>[/?#][^\s'\"<>]*)?",
    re.IGNORECASE,
)
_SHORTEST_SECRET = 6
_OWN_LOGGERS = ("bot", "inference", "colorizebot")
_SERVER = logging.getLogger("aiohttp.server")
_CUT = "***"
# What could begin a new line, or move a terminal's cursor.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_CONTROLS |= {0x0A: "\\n", 0x0D: "\\r", 0x09: " ", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def configure(level: str, form: LogFormat = "text", *, secrets: Collection[str] = ()) -> None:
    """Log events of at least ``level`` ("info", "ERROR", ...) to standard error, in UTC; ``secrets`` never appear.

    Libraries' own "debug" is left out: there they tell what was sent, passwords and messages included.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(secrets) if form == "json" else TextLines(secrets))
    logging.basicConfig(handlers=[handler], force=True)
    set_level(level)


def set_level(level: str) -> None:
    """Log events of at least ``level`` from now on, but libraries' own "debug" never."""
    chosen = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(max(chosen, logging.INFO))
    for name in _OWN_LOGGERS:
        logging.getLogger(name).setLevel(chosen)


def _without_what_was_sent(record: logging.LogRecord) -> bool:
    """Tell of what isn't HTTP, which is its sender's mistake, without the sender's address and what was in it."""
    from aiohttp import http_exceptions, web  # not at the top: whoever logs that has them, others need not

    if record.exc_info and isinstance(
        record.exc_info[1], (http_exceptions.HttpProcessingError, web.RequestPayloadError)
    ):
        record.msg, record.args, record.exc_info = "what came was no proper HTTP", (), None
        record.levelno, record.levelname = logging.INFO, "INFO"
    return _SERVER.isEnabledFor(record.levelno)


_SERVER.addFilter(_without_what_was_sent)


class TextLines(logging.Formatter):
    """Lines for people: time, level, sentence; the request's id where the sentence doesn't tell it."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        self._secrets = _worth_hiding(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line; a traceback's lines are joined by ``|``."""
        line = f"{self.formatTime(record, self.datefmt)} {record.levelname:<7} {record.getMessage()}"
        followed = _request_id(record)
        if followed is not None and followed not in line:
            line += f" request={followed}"
        if trace := _traceback(record):
            line += " | " + " | ".join(each.strip() for each in trace.splitlines() if each.strip())
        return _cleaned(line, self._secrets).translate(_CONTROLS)


class JsonLines(logging.Formatter):
    """Lines for programs: one JSON object an event."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        super().__init__()
        self._secrets = _worth_hiding(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON in ASCII."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields: dict[str, Any] = {
            "time": moment,
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", None) or _event(str(record.msg)),
            "message": record.getMessage(),
        }
        if (followed := _request_id(record)) is not None:
            fields["request_id"] = followed
        if trace := _traceback(record):
            fields["traceback"] = trace
        facts = {name: fact for name, fact in _facts(record) if name not in fields}
        return json.dumps({name: self._shown(value) for name, value in (fields | facts).items()})

    def _shown(self, value: object) -> object:
        if value is None or isinstance(value, (bool, int)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        return _cleaned(str(value), self._secrets)


def _facts(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    given = getattr(record, "facts", None)
    if isinstance(given, Mapping):
        yield from given.items()
    for match, value in _placeholders(record):
        if match["name"] is not None:
            yield match["name"], value


def _event(template: str) -> str:
    words = _PLACEHOLDER.sub(lambda match: match["request"] or "", template)
    return " ".join(words.split()).replace(" :", ":").rstrip(" :;,(-")


def _request_id(record: logging.LogRecord) -> str | None:
    given = getattr(record, "request_id", None) or request_id.current()
    if given is not None:
        return str(given)
    return next((str(value) for match, value in _placeholders(record) if match["request"]), None)


def _placeholders(record: logging.LogRecord) -> Iterator[tuple[re.Match[str], object]]:
    if not isinstance(record.args, tuple):
        return
    matches = (match for match in _PLACEHOLDER.finditer(str(record.msg)) if match["kind"] != "%")
    yield from zip(matches, record.args, strict=False)


def _traceback(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return "".join(traceback.format_exception(record.exc_info[1]))


def _worth_hiding(secrets: Collection[str]) -> tuple[str, ...]:
    # The longest first: one secret may hold another. Very short ones would cut ordinary words to pieces.
    return tuple(sorted((secret for secret in secrets if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True))


def _cleaned(text: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _CUT)
    return _ADDRESS.sub(_host_only, text)


def _host_only(match: re.Match[str]) -> str:
    rest = match["rest"]
    return f"{match['scheme']}{match['host']}{'' if rest in (None, '/') else '/' + _CUT}"
