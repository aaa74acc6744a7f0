"""``python -m inference cluster``: its flags, and what it says when it can't start."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import sys
from collections.abc import Sequence

from inference.cluster.checks import check, port_of
from inference.cluster.settings import CLUSTER_PREFIX, CLUSTER_TABLE, ClusterSettings
from inference.settings import ENVIRONMENT_PREFIX, TOML_FILE, TOML_TABLE, UnusableSettings, WorkerSettings
from inference.worker import log
from inference.worker.command_line import add_flags, read_settings

_DESCRIPTION = f"""Serves the colorizer over HTTP as a worker does, with many replicas behind one address, on Ray Serve.

Each setting is a flag, an environment variable, a line in .env, or a key under
[{CLUSTER_TABLE}] or [{TOML_TABLE}] in {TOML_FILE}; the first of these that has a value wins.
SIGHUP has it read the settings again and change to the weights that they name."""

_EXAMPLE = """try it:
  python -m inference cluster --replicas 2
  curl --data-binary @photo.jpg -o recolored.jpg http://127.0.0.1:8090/v1/recolor"""

_MISSING = "Ray is not installed: please run pip install -c deploy/constraints.txt -e '.[cluster]' first."
_UNUSABLE_SETTINGS = 2


def main(arguments: Sequence[str]) -> int:
    """Run a cluster until it is told to stop; return the exit status."""
    flags = vars(_parser().parse_args(arguments))
    try:
        worker, cluster = read(flags)
        if importlib.util.find_spec("ray") is None:
            raise UnusableSettings(_MISSING)
        log.configure(worker.log_level, worker.log_format)
        asyncio.run(check(worker))
        port = port_of(worker, cluster)
        _prepare_ray()
        # Not at the top: it imports Ray.
        from inference.cluster.server import serve

        return asyncio.run(serve((worker, cluster), port, lambda: read(flags)))
    except UnusableSettings as complaint:
        sys.stderr.write(f"colorizebot cluster: {complaint}\n")
        return _UNUSABLE_SETTINGS


def read(flags: dict[str, str]) -> tuple[WorkerSettings, ClusterSettings]:
    """Read the settings, ``flags`` first; raises ``UnusableSettings``."""
    mine = {name: value for name, value in flags.items() if name in ClusterSettings.model_fields}
    workers = {name: value for name, value in flags.items() if name not in mine}
    worker = read_settings(WorkerSettings, workers, ENVIRONMENT_PREFIX)
    return worker, read_settings(ClusterSettings, mine, CLUSTER_PREFIX)


def _prepare_ray() -> None:
    """Have Ray tell nobody of its use, never start by itself, and log plainly; it reads that when it is imported."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    os.environ.setdefault("RAY_COLOR_PREFIX", "0")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inference cluster",
        usage="%(prog)s [--SETTING VALUE ...]",
        description=_DESCRIPTION,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawTextHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    add_flags(parser.add_argument_group("settings of the cluster"), ClusterSettings, CLUSTER_PREFIX)
    add_flags(parser.add_argument_group("settings of each worker"), WorkerSettings, ENVIRONMENT_PREFIX)
    return parser
