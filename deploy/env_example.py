"""Print every setting as a line for a ``.env``: ``python deploy/env_example.py > deploy/.env.example``."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from bot.configuration import describe_settings
from inference import secret_files
from inference.cluster.settings import CLUSTER_PREFIX, ClusterSettings
from inference.settings import ENVIRONMENT_PREFIX, WorkerSettings

_COMPOSE = """\
# Settings of deploy/compose.yaml, of the bot and of the worker. Copy this file to .env beside compose.yaml, keep that
# to yourself (chmod 600), and set what you want to be other than it is: take the # from the front of its line.
# Values with spaces, quotes, # or $ go into single quotes.

# ---- for compose only ------------------------------------------------------------------------------------------------

# password that the bot uses with the database, of letters and digits only: it becomes part of an address; compose makes
# the database with it, so set it before the first start
POSTGRES_PASSWORD=

# password of the user "admin" of Grafana
GRAFANA_PASSWORD=

# what the worker asks of the bot and of Prometheus: at least 16 characters, such as "openssl rand -hex 32" prints
COLORIZEBOT_WORKER_TOKEN=

# where the page, Prometheus and Grafana can be reached on this machine; 0.0.0.0:8080 lets everybody in
#PAGE_ADDRESS=127.0.0.1:8080
#PROMETHEUS_ADDRESS=127.0.0.1:9090
#GRAFANA_ADDRESS=127.0.0.1:3000

# most memory that the worker may take
#WORKER_MEMORY=6g

# tag of the images of the bot and the worker; the worker's for a GPU ends in -cuda
#IMAGE_TAG=latest

# where PyTorch comes from when the worker's image is built: the index of its builds without CUDA; empty = the ordinary
# package index, whose build is for CUDA (see compose.gpu.yaml)
#TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
"""
_BOT = "the bot"
_WORKER = "the worker"
_CLUSTER = "the cluster: many workers behind one address, python -m inference cluster"
_WIDTH = 120

# What the default is depends on the machine: here it is told, and there the setting's own description tells it.
_OWN_TO_THE_MACHINE = {"COLORIZEBOT_DATA_DIR": "by default a folder of the user's, /var/lib/colorizebot in the image"}
_TELLS_ITS_DEFAULT = "by default one per CPU"
_ALREADY_THERE = {"COLORIZEBOT_WORKER_TOKEN"}


def env_example() -> str:
    """Return the whole file."""
    bot = [
        _line(setting.variable, setting.meaning, setting.default, is_secret=setting.secret)
        for setting in describe_settings()
    ]
    worker, cluster = _lines(WorkerSettings, ENVIRONMENT_PREFIX), _lines(ClusterSettings, CLUSTER_PREFIX)
    return "\n".join([_COMPOSE, _title(_BOT), *bot, _title(_WORKER), *worker, _title(_CLUSTER), *cluster])


def _lines(settings: type[BaseSettings], prefix: str) -> Iterator[str]:
    secrets = secret_files.secret_fields(settings)
    for name, field in settings.model_fields.items():
        variable = prefix + name.upper()
        if variable not in _ALREADY_THERE:
            yield _line(variable, field.description or "", _default(field), is_secret=name in secrets)


def _default(field: FieldInfo) -> str:
    match field.default:
        case None:
            return "unset"
        case bool():
            return str(field.default).lower()
        case _:
            return str(field.default)


def _line(variable: str, meaning: str, default: str, *, is_secret: bool) -> str:
    if variable in _OWN_TO_THE_MACHINE:
        meaning, default = f"{meaning}; {_OWN_TO_THE_MACHINE[variable]}", "unset"
    if _TELLS_ITS_DEFAULT in meaning:
        default = "unset"
    if is_secret:
        meaning += f"; or set {variable}_FILE to the file that holds it"
    comment = textwrap.fill(meaning, _WIDTH, initial_indent="# ", subsequent_indent="# ")
    return f"{comment}\n#{variable}={_quoted('' if default == 'unset' else default)}\n"


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[\w.:/@%+-]*", value) else f"'{value}'"


def _title(whose: str) -> str:
    return f"# ---- {whose} ".ljust(_WIDTH, "-") + "\n"


if __name__ == "__main__":
    sys.stdout.write(env_example())
