"""``python -m inference``: run the worker; ``… cluster``: run many of them; ``… bench``: measure it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import NoReturn

from inference.settings import UnusableSettings
from inference.worker import log
from inference.worker.command_line import parse_settings
from inference.worker.heap import keep_what_the_network_frees, use_few_arenas
from inference.worker.server import serve

_BENCH = "bench"
_CLUSTER = "cluster"
_UNUSABLE_SETTINGS = 2


def main() -> int:
    """Run a worker or a cluster until it is told to stop, or the benchmark; return the exit status."""
    arguments = sys.argv[1:]
    if arguments[:1] == [_BENCH]:
        # Not at the top: a worker has no use for it.
        from inference.bench import command_line

        return command_line.main(arguments[1:])
    if arguments[:1] == [_CLUSTER]:
        from inference.cluster import command_line as cluster_command_line

        return cluster_command_line.main(arguments[1:])
    try:
        settings = parse_settings(arguments)
        log.configure(settings.log_level, settings.log_format)
        use_few_arenas()
        keep_what_the_network_frees(settings.batch_size)
        return asyncio.run(serve(settings))
    except UnusableSettings as complaint:
        sys.stderr.write(f"colorizebot worker: {complaint}\n")
        return _UNUSABLE_SETTINGS


def leave(status: int) -> NoReturn:
    """End the program without waiting for its threads.

    Those in native code (a forward pass, PyTorch being imported) can't be told to stop, and everything that has to be
    put away has been.
    """
    logging.shutdown()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    leave(main())
