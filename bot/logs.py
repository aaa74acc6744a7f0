"""Logging: one line an event on standard error, with the request's id where there is one, without anybody's content."""

from __future__ import annotations

import logging
import sys
import time


def configure(level: str) -> None:
    """Log events of at least ``level`` (``"DEBUG"``, ``"INFO"``, ...), in UTC."""
    formatter = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", datefmt="%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
