"""What bots are called on the roster: so that one on the same machine sees whether another one's process is there.

A name says on which machine a bot runs, since which start of it, among which processes and as which of them. Whatever
can't be known (another machine, another container, a system without ``/proc``) is for the lease to tell.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")
_given: set[str] = set()
"""The names of bots in this very process."""


def new_name() -> str:
    """Return a name that no bot has had."""
    name = f"{socket.gethostname()[:30]}-{_here()}-{os.getpid()}-{secrets.token_hex(4)}"
    _given.add(name)
    return name


def has_ended(name: str) -> bool:
    """Return whether the process of the bot of that name has ended for certain; False where that can't be known."""
    here, pid = [*name.rsplit("-", 3), "", "", ""][1:3]
    if here != _here() or not pid.isdecimal() or name in _given:
        return False
    return int(pid) == os.getpid() or not _is_there(int(pid))


@cache
def _here() -> str:
    """Return what all processes have in common that see each other, until the machine is started anew."""
    try:
        facts = f"{socket.gethostname()} {_BOOT.read_text()} {_PROCESSES.stat().st_ino}"
    except OSError:
        facts = secrets.token_hex()
    return hashlib.sha256(facts.encode()).hexdigest()[:12]


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
