"""What ``python -m bot check`` finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a part of the bot is doing; only a problem makes the check fail."""

    OK = "ok"
    NOTE = "note"
    OFF = "off"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table."""

    part: str
    verdict: Verdict
    state: str
    next_step: str = ""
