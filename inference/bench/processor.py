"""How much processor time a process has used; of Linux, which tells it in /proc (proc_pid_stat(5))."""

from __future__ import annotations

import os
from pathlib import Path

_USER = 11
_SYSTEM = 12


def seconds(pid: int) -> float:
    """Return the seconds on all cores together, of all the process's threads; ``FileNotFoundError`` elsewhere."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK")
