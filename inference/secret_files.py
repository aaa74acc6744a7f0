"""Secrets that lie in files, as container engines and systemd mount them: ``X_FILE`` names the file that holds ``X``.

Every setting of type ``SecretStr`` may be given so, in each source of the settings: the environment, ``.env``, the TOML
file. The bot and the worker both use this.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from dotenv import dotenv_values
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticCustomError

SUFFIX = "_file"
ERROR_TYPE = "secret_file"
"""Type of the validation error that tells of an unusable file; its context has the ``field`` that it is about."""


def secret_fields(model: type[BaseModel]) -> list[str]:
    """Return the names of a model's secrets."""
    return [
        name
        for name, field in model.model_fields.items()
        if field.annotation is SecretStr or SecretStr in get_args(field.annotation)
    ]


def files_in_environment(model: type[BaseModel], prefix: str, env_file: str) -> dict[str, str]:
    """Return what the environment, or else ``env_file``, says of the files of a model's own secrets.

    pydantic-settings reads only the variables of fields that it knows; inside sections it passes on all of them.
    """
    variables = {
        name.lower(): value for source in (dotenv_values(env_file), os.environ) for name, value in source.items()
    }
    named = {name + SUFFIX: variables.get((prefix + name + SUFFIX).lower()) for name in secret_fields(model)}
    return {key: value for key, value in named.items() if value}


def fill_in(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``given`` with each ``<secret>_file`` replaced by the secret in that file.

    For validators that run before a model's own. Raises ``PydanticCustomError`` of `ERROR_TYPE` for a file that can't
    be read or is empty, and when both the secret and its file are given.
    """
    return {key: value for key, value in given.items() if key not in _file_keys(model)} | dict(_secrets(model, given))


def _file_keys(model: type[BaseModel]) -> set[str]:
    return {name + SUFFIX for name in secret_fields(model)}


def _secrets(model: type[BaseModel], given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in secret_fields(model):
        file = given.get(name + SUFFIX)
        if not file:
            continue
        if given.get(name):
            raise _problem(name, "is set, and the secret itself is set too; please unset one of them")
        yield name, _read(name, Path(str(file)))


def _read(name: str, file: Path) -> str:
    try:
        secret = file.expanduser().read_text(encoding="utf-8").strip("\r\n")
    except OSError as error:
        raise _problem(name, f"names {file}, which can't be read ({error.strerror})") from None
    except RuntimeError:
        raise _problem(name, f"names {file}, but nobody of that name has a home folder here") from None
    except UnicodeDecodeError:
        raise _problem(name, f"names {file}, which holds no text") from None
    if not secret:
        raise _problem(name, f"names {file}, which is empty")
    if not secret.isprintable():
        raise _problem(name, f"names {file}, which holds more than the one line of a secret")
    return secret


def _problem(name: str, why: str) -> PydanticCustomError:
    return PydanticCustomError(ERROR_TYPE, "{why}", {"field": name + SUFFIX, "why": why})
