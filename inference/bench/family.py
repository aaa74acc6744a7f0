"""A worker's process and those that it has started: their memory and processor time; of Linux, which tells in /proc.

On other systems the functions raise ``FileNotFoundError``. Memory is in bytes.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from inference.bench import memory, processor


def family_of(pid: int) -> list[int]:
    """Return the process and all its descendants that are alive, oldest first; see proc_pid_task(5)."""
    family = [pid]
    for member in family:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            for thread in Path(f"/proc/{member}/task").iterdir():
                family += map(int, (thread / "children").read_text(encoding="ascii").split())
    return family


def processor_seconds(pid: int) -> float:
    """Return the seconds on all cores together that the family's living members have used."""
    return sum(map(processor.seconds, family_of(pid)))


def held(pid: int) -> dict[int, int]:
    """Return what each member holds now."""
    return {member: memory.resident(member) for member in family_of(pid)}


def forget_peaks(pid: int) -> None:
    """Measure the members' peaks anew from now on."""
    for member in family_of(pid):
        memory.forget_peak(member)


def peak_above(idle: dict[int, int], pid: int) -> int:
    """Return how much more than ``idle`` the members have held at their peaks, as if all peaks fell together.

    Of a member that has come since, what it shares with the others is left out.
    """
    return sum(
        memory.peak(member) - (idle[member] if member in idle else memory.shared(member)) for member in family_of(pid)
    )
