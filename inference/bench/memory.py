"""How much memory a process holds; of Linux, which tells it in /proc (proc_pid_status(5)).

Everything is in bytes of resident memory. On other systems the functions raise ``FileNotFoundError``.
"""

from __future__ import annotations

import os
from pathlib import Path


def resident(pid: int | None = None) -> int:
    """Return what the process (this one by default) holds now."""
    return _status(pid, "VmRSS")


def peak(pid: int | None = None) -> int:
    """Return the most that the process has held since it began, or since :func:`forget_peak`."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int | None = None) -> int:
    """Measure the peak anew from now on; return what the process holds now."""
    Path(f"/proc/{pid or os.getpid()}/clear_refs").write_text("5", encoding="ascii")
    return peak(pid)


def shared(pid: int) -> int:
    """Return how much of what the process holds other processes hold too; see proc_pid_smaps(5)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Shared_")) * 1024


def _status(pid: int | None, line: str) -> int:
    status = Path(f"/proc/{pid or os.getpid()}/status").read_text(encoding="utf-8")
    return int(status.partition(f"{line}:")[2].split()[0]) * 1024
