"""The flags of ``python -m inference``, made from the settings class, so that neither can lag behind the other."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsError

from inference import secret_files
from inference.settings import (
    ENV_FILE,
    ENVIRONMENT_PREFIX,
    TOML_FILE,
    TOML_TABLE,
    UnusableSettings,
    WorkerSettings,
    flag_of,
    names_of,
    variable_of,
)

Settings = TypeVar("Settings", bound=BaseSettings)

_DESCRIPTION = f"""Serves the colorizer over HTTP: a photo in, the recolored photo out.

Each setting is a flag, an environment variable, a line in .env, or a key under
[{TOML_TABLE}] in {TOML_FILE}; the first of these that has a value wins."""

_EXAMPLE = """try it:
  python -m inference
  curl --data-binary @photo.jpg -o recolored.jpg http://127.0.0.1:8090/v1/recolor

more than one of them, on Ray Serve:
  python -m inference cluster --help

how fast it is on this machine:
  python -m inference bench --help"""


def parse_settings(arguments: Sequence[str]) -> WorkerSettings:
    """Read the settings; flags override the other sources.

    Raises ``UnusableSettings``; exits through argparse for ``--help`` and unknown flags.
    """
    return read_settings(WorkerSettings, vars(_parser().parse_args(arguments)), ENVIRONMENT_PREFIX)


def read_settings(settings_class: type[Settings], flags: Mapping[str, Any], prefix: str) -> Settings:
    """Read the settings whose variables have the ``prefix``, ``flags`` first; raises ``UnusableSettings``."""
    try:
        return settings_class(**flags)
    except ValidationError as error:
        secrets = secret_files.secret_fields(settings_class)
        complaints = [_complaint(dict(each), prefix, secrets) for each in error.errors()]
        raise UnusableSettings("; ".join(complaints) + ".") from None  # pydantic's own message tells secrets
    except SettingsError as error:
        raise UnusableSettings(f"The settings can't be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise UnusableSettings(f"{TOML_FILE} can't be read: {error}.") from error
    except UnicodeDecodeError as error:
        raise UnusableSettings(f"{ENV_FILE} can't be read: it is no text in UTF-8.") from error
    except OSError as error:
        raise UnusableSettings(f"{error.filename} can't be read: {(error.strerror or str(error)).lower()}.") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inference",
        usage="%(prog)s [--SETTING VALUE ...]\n       %(prog)s cluster [--help]\n       %(prog)s bench [--help]",
        description=_DESCRIPTION,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawTextHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    add_flags(parser.add_argument_group("settings"), WorkerSettings, ENVIRONMENT_PREFIX)
    return parser


def add_flags(group: argparse._ArgumentGroup, settings_class: type[BaseSettings], prefix: str) -> None:
    """Add a flag for each of the settings, whose variables have the ``prefix``."""
    for name, field in settings_class.model_fields.items():
        help_text = f"{field.description}\n{variable_of(name, prefix)}, default {_shown_default(field)}"
        if field.annotation is bool:
            group.add_argument(flag_of(name), action=argparse.BooleanOptionalAction, help=help_text)
        else:
            group.add_argument(flag_of(name), metavar="VALUE", help=help_text)


def _shown_default(field: FieldInfo) -> str:
    if field.default is None:
        return "unset"
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def _complaint(error: dict[str, Any], prefix: str, secrets: Collection[str]) -> str:
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    if error["type"] == secret_files.ERROR_TYPE:
        return f"{variable_of(error['ctx']['field'])} {message}"
    if not error["loc"]:
        return message
    name = str(error["loc"][0])
    if name in secrets:
        return f"{names_of(name, prefix)} has to be {message}"
    if error["type"] == "value_error":
        return f"{names_of(name, prefix)} can't be “{error['input']}”: {message}"
    return f"{names_of(name, prefix)} can't be “{error['input']}”: it has to be {message}"
