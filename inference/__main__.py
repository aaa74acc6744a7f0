"""``python -m inference``: run the worker."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from inference.settings import UnusableSettings
from inference.worker import log
from inference.worker.command_line import parse_settings
from inference.worker.server import serve

_UNUSABLE_SETTINGS = 2


def main() -> int:
    """Run a worker until it is told to stop; return the exit status."""
    try:
        settings = parse_settings(sys.argv[1:])
        log.configure(settings.log_level)
        return asyncio.run(serve(settings))
    except UnusableSettings as complaint:
        sys.stderr.write(f"colorizebot worker: {complaint}\n")
        return _UNUSABLE_SETTINGS


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stderr.flush()
    # Threads in native code (a forward pass, a decoder, PyTorch being imported) can't be told to stop, and everything
    # that has to be put away has been: leave without waiting for them.
    os._exit(status)
