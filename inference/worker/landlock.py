"""Landlock (landlock(7)): a process gives up the files that it does not name, for good, without any rights."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.worker.kernel import system_call

# The same numbers on every machine.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_TELL_VERSION = 1
_PATH_BENEATH = 1

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights over files there are from a version on: running, writing, making, removing, cutting short ..."""
_NETWORK_RIGHTS, _NETWORK_SINCE = 0b11, 4
"""Binding and connecting TCP ports."""
_SCOPES, _SCOPES_SINCE = 0b11, 6
"""Abstract UNIX sockets of others, and signals to them."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def read_only(paths: Iterable[Path]) -> None:
    """Let the calling thread, and those that it starts, read what lies at or below ``paths`` and use no other file.

    Files that are open already stay so. Paths that don't exist, or can't be opened, are left out. Needs
    ``PR_SET_NO_NEW_PRIVS``. Raises ``OSError`` where the kernel has no Landlock or doesn't let it be used.
    """
    with _ruleset(system_call(_CREATE_RULESET, None, 0, _TELL_VERSION)) as ruleset:
        for path in paths:
            _allow_reading(ruleset, path)
        system_call(_RESTRICT_SELF, ruleset, 0)


@contextmanager
def _ruleset(version: int) -> Iterator[int]:
    rights = max(count for since, count in _FILE_RIGHTS.items() if since <= version)
    handled = _Ruleset(
        files=(1 << rights) - 1,
        network=_NETWORK_RIGHTS if version >= _NETWORK_SINCE else 0,
        scoped=_SCOPES if version >= _SCOPES_SINCE else 0,
    )
    ruleset = system_call(_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
    try:
        yield ruleset
    finally:
        os.close(ruleset)


def _allow_reading(ruleset: int, path: Path) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what can't be reached need not be allowed
    try:
        rule = _Beneath(allowed=_READ_FILE | (_READ_DIR if path.is_dir() else 0), parent=parent)
        system_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)
