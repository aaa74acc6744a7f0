"""What settings are made of: values that are read kindly, and the class of their sections."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    HttpUrl,
    StringConstraints,
    TypeAdapter,
    WebsocketUrl,
    model_validator,
)

from inference import secret_files


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("nobody of that name has a home folder here") from None


LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Trigger = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, to_lower=True)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, to_lower=True)]
Endpoint = Annotated[str, AfterValidator(lambda text: str(TypeAdapter(HttpUrl).validate_python(text)).rstrip("/"))]
Gateway = Annotated[str, AfterValidator(lambda text: str(TypeAdapter(WebsocketUrl).validate_python(text)))]
Folder = Annotated[Path, AfterValidator(_expanded)]
FOREVER = "forever"
Days = Annotated[float, BeforeValidator(lambda days: math.inf if days == FOREVER else days)]


def in_small_letters(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a TOML table, whose keys may be written in capitals, as the variables are, by the settings' names."""
    return {key.lower(): in_small_letters(value) if isinstance(value, dict) else value for key, value in table.items()}


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    renamed: ClassVar[Mapping[str, str]] = {}
    """Older names of fields, and what they are called now; both are taken, see `bot.configuration.renamed_settings`."""

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, given: Any) -> Any:
        return secret_files.fill_in(cls, given) if isinstance(given, dict) else given

    @model_validator(mode="before")
    @classmethod
    def _take_old_names(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        old = {new: given[name] for name, new in cls.renamed.items() if name in given}
        return old | {name: value for name, value in given.items() if name not in cls.renamed}
