"""What the bot asked for, call by call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.platforms.discord.state import File


@dataclass
class Call:
    """One request of the bot to the API."""

    method: str
    path: str
    """After ``/api/v10``."""
    query: dict[str, str]
    body: Any
    """The JSON, or the ``payload_json`` of a form."""
    files: dict[int, File]
    """Posted files by the number in ``files[n]``."""
    media_type: str | None
    headers: Mapping[str, str]
    began: float
    """On the monotonic clock, in seconds."""
    status: int | None = None
    """What was answered; ``None`` while it is not, or when the connection was cut."""
    committed: bool = False
    """Whether it had its effect."""
    fault: str | None = None


@dataclass
class Journal:
    """All calls in order, and what was wrong with them."""

    calls: list[Call] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """How the bot's requests break the API's description: tests assert that there is nothing."""
    own_faults: list[str] = field(default_factory=list)
    """How the double's answers break it."""

    def find(self, method: str, path: str) -> list[Call]:
        """Return the calls of a method whose path matches a regular expression as a whole."""
        return [call for call in self.calls if call.method == method and re.fullmatch(path, call.path)]
