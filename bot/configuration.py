"""Reading the settings, and telling the operator in plain words what they are and what is wrong with them."""

from __future__ import annotations

import difflib
import json
import math
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from bot.problems import OperatorError
from bot.setting_types import FOREVER, Section
from bot.settings import ENV_FILE, PREFIX, TOML_FILE, Settings
from inference import secret_files

_OTHERS = "worker", "cluster"
"""Whose settings may lie beside the bot's: variables begin with their names, and tables are called by them."""


@dataclass(frozen=True, slots=True)
class SettingDescription:
    """One setting as ``--help`` shows it."""

    variable: str
    default: str
    meaning: str
    secret: bool
    """Whether the variable with ``_FILE`` behind its name may name a file that holds the value."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the variable, and the one that names its file where there is such."""
        return (self.variable, self.variable + secret_files.SUFFIX.upper()) if self.secret else (self.variable,)


def load_settings() -> Settings:
    """Read the settings. Raises ``OperatorError`` that names each variable with a bad value, one a line."""
    try:
        return Settings()
    except ValidationError as error:
        raise OperatorError("\n".join(_explanation(details) for details in error.errors())) from None
    except SettingsError as error:
        raise OperatorError(_not_json() or str(error)) from None
    except tomllib.TOMLDecodeError as error:
        raise OperatorError(f"{TOML_FILE} is no valid TOML: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise OperatorError(f"{_unreadable()} can't be read ({why}).") from None


def describe_settings() -> list[SettingDescription]:
    """Return every setting with its variable, default and meaning."""
    return list(_descriptions(Settings, PREFIX))


def unknown_settings() -> list[str]:
    """Return one sentence for each setting in the environment, ``.env`` or the TOML file that the bot doesn't know.

    These are no errors: orchestrators put variables of their own under any name into the environment.
    """
    # A section's misspelt settings are errors already; what is left are the names of settings and sections.
    top_level = {PREFIX + field.upper() for field in Settings.model_fields}
    top_level |= {PREFIX + (name + secret_files.SUFFIX).upper() for name in secret_files.secret_fields(Settings)}
    return [_unknown(name) for name in sorted(_given()) if name.split("__")[0] not in top_level]


def renamed_settings() -> list[str]:
    """Return one sentence for each setting that is given under an older name; it counts all the same."""
    renamed = dict(_renamed(Settings, PREFIX))
    return [f"{name} is called {renamed[name]} now; please rename it." for name in sorted(_given()) if name in renamed]


def _given() -> set[str]:
    """Return the variables that are given anywhere, the worker's and the cluster's left out."""
    names = {name for name in os.environ if name.startswith(PREFIX)}
    names |= {name.upper() for name in dotenv_values(ENV_FILE) if name.upper().startswith(PREFIX)}
    names |= set(_toml_variables(_toml(), PREFIX))
    others = tuple(f"{PREFIX}{other.upper()}_" for other in _OTHERS)
    return {name for name in names if not name.startswith(others)}


def _toml_variables(table: dict[str, Any], prefix: str) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _toml_variables(value, f"{prefix}{key.upper()}__")
        else:
            yield prefix + key.upper()


def _renamed(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    if issubclass(model, Section):
        yield from ((prefix + old.upper(), prefix + new.upper()) for old, new in model.renamed.items())
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _renamed(field.annotation, f"{prefix}{name.upper()}__")


def _descriptions(model: type[BaseModel], prefix: str) -> Iterator[SettingDescription]:
    secrets = secret_files.secret_fields(model)
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _descriptions(field.annotation, f"{prefix}{name.upper()}__")
        else:
            yield SettingDescription(
                prefix + name.upper(), _shown(field.default), field.description or "", secret=name in secrets
            )


def _shown(value: Any) -> str:
    match value:
        case None:
            return "unset"
        case math.inf:
            return FOREVER
        case tuple():
            return json.dumps(value)
        case _:
            return str(value)


def _explanation(details: ErrorDetails) -> str:
    variable = PREFIX + "__".join(part.upper() for part in details["loc"] if isinstance(part, str))
    if details["type"] == "extra_forbidden":
        return _unknown(variable)
    if details["type"] == secret_files.ERROR_TYPE:
        section = variable + "__" if details["loc"] else variable
        return f"{section}{details['ctx']['field'].upper()} {details['msg']}."
    if details["type"] == "model_type":
        return _no_section(variable)
    message = details["msg"].removeprefix("Value error, ").removeprefix("Input ")
    message = (message[0].lower() + message[1:]).replace("tuple", "list")
    given = details["input"]
    if not details["loc"]:
        return f"{message[0].upper()}{message[1:]}."
    secret = any(variable == setting.variable for setting in describe_settings() if setting.secret)
    if secret or isinstance(given, (SecretStr, dict, BaseModel)):
        return f"{variable}: {message}."
    return f"{variable} is {given!r}, but {message}."


def _unknown(variable: str) -> str:
    known = [variable for setting in describe_settings() for variable in setting.variables]
    close = difflib.get_close_matches(variable, known, n=1, cutoff=0.8)
    hint = f"did you mean {close[0]}?" if close else "python -m bot --help shows those there are."
    return f"{variable} is no setting of the bot; {hint}"


def _no_section(variable: str) -> str:
    first = next(setting.variable for setting in describe_settings() if setting.variable.startswith(f"{variable}__"))
    return f"{variable} is a group of settings; please set them one by one, such as {first}."


def _not_json() -> str | None:
    """Find the variable that should hold JSON and doesn't; pydantic-settings names only the field."""
    variables = {name.upper(): text for name, text in dotenv_values(ENV_FILE).items()} | dict(os.environ)
    for setting in describe_settings():
        text = variables.get(setting.variable)
        if text and setting.default.startswith("["):
            try:
                json.loads(text)
            except json.JSONDecodeError:
                return f"{setting.variable} is {text!r}, but should be a JSON list, for example {setting.default}."
    sections = {setting.variable.rpartition("__")[0] for setting in describe_settings() if "__" in setting.variable}
    return next((_no_section(name) for name in sorted(sections) if variables.get(name)), None)


def _unreadable() -> str:
    """Find the file that can't be read; the errors don't always tell which it is."""
    try:
        dotenv_values(ENV_FILE)
    except (OSError, UnicodeDecodeError):
        return ENV_FILE
    return TOML_FILE


def _toml() -> dict[str, Any]:
    file = Path(TOML_FILE)
    content = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return {key: value for key, value in content.items() if key not in _OTHERS}
