"""A cage for the processes that decode and encode strangers' photos.

A codec that a hostile file takes over can then spoil its own photo and nothing else: it reaches nobody, starts nothing,
writes no file, reads no more than Python's own files, and its memory and processor time have an end.

Call ``confine`` once everything that is needed is imported, and before the first byte of a stranger's is looked at.
Descriptors that are open by then stay usable: pipes, connected stream sockets, and files in memory, of which it may
make new ones (``os.memfd_create``). Leave it no datagram socket: one can be sent from to anywhere.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import resource

from inference.worker import landlock
from inference.worker.kernel import prctl, system_call
from inference.worker.system_calls import ARCHITECTURES, seccomp_filter

_OPEN_FILES = 64
_SET_NO_NEW_PRIVILEGES = 38
_CAPSET, _SECCOMP = {"x86_64": 126, "aarch64": 91}, {"x86_64": 317, "aarch64": 277}
_CAPABILITIES_VERSION = 0x20080522
_SET_FILTER, _FOR_ALL_THREADS = 1, 1
_THREADS = Path("/proc/self/task")

_SYSTEM = "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"
_MACHINE = "/sys/devices/system/cpu", "/dev/urandom", "/dev/null"


@dataclass(frozen=True, slots=True)
class Confinement:
    """What took hold in a process, as ``confine`` returns it."""

    system_calls: bool
    """New sockets, programs and processes, signals to others, and writing files are refused (seccomp)."""
    files: bool
    """Files other than Python's own can't be read, from any thread (Landlock)."""
    rights: bool
    """The process has no special rights, even if root started it, and can't get any."""
    memory: bool
    """Its memory has a limit (RLIMIT_AS)."""
    missing: tuple[str, ...]
    """What did not take hold, and why: a short sentence each, for operators."""


class _Missing(Exception):  # noqa: N818 - it says what is the case
    """A protection that is not to be had here; the message says which, and why."""


def confine(memory_bytes: int, cpu_seconds: int | None) -> Confinement:
    """Shut the calling process in, for good, and return what took hold.

    It may map ``memory_bytes`` more than it has mapped by now (allocations beyond that fail with ``MemoryError``), and
    no file in memory may be longer. It is killed once its threads together have used ``cpu_seconds`` more of processor
    time; None sets no end. It leaves no core dump, and has at most 64 files open.

    What this system does not give is told in the result, not by an exception. Landlock holds for the calling thread and
    those that it starts: let it be the only one (OpenBLAS starts more when NumPy is imported, unless
    ``OPENBLAS_NUM_THREADS=1`` is set).
    """
    missing: list[str] = []
    memory = _taken(lambda: _limit(memory_bytes, cpu_seconds), missing)
    rights = _taken(_give_up_rights, missing)
    files = _taken(_give_up_files, missing)
    # Last, since the others need calls that are refused from here on.
    system_calls = _taken(_give_up_system_calls, missing)
    return Confinement(system_calls, files, rights, memory, tuple(missing))


def _taken(protection: Callable[[], None], missing: list[str]) -> bool:
    try:
        protection()
    except _Missing as reason:
        missing.append(str(reason))
        return False
    return True


def _limit(memory_bytes: int, cpu_seconds: int | None) -> None:
    if sys.platform == "win32":
        raise _Missing("memory has no limit: this system knows none")
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _lower(resource.RLIMIT_FSIZE, memory_bytes)
    if cpu_seconds is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + cpu_seconds)
    if sys.platform != "linux":
        raise _Missing("memory has no limit: this system does not keep to one")
    mapped_pages = int(Path("/proc/self/statm").read_text().split()[0])
    _lower(resource.RLIMIT_AS, mapped_pages * resource.getpagesize() + memory_bytes)


def _lower(limit: int, most: int) -> None:
    hard = resource.getrlimit(limit)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(limit, (most, most))


def _give_up_rights() -> None:
    machine = _machine("rights are kept")
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    try:
        prctl(_SET_NO_NEW_PRIVILEGES, 1)
        system_call(_CAPSET[machine], ctypes.byref(header), ctypes.byref(none))
    except OSError as error:
        raise _Missing(f"rights are kept: {error.strerror}") from error


def _give_up_files() -> None:
    _machine("files can be read")
    threads = len(list(_THREADS.iterdir()))
    try:
        landlock.read_only(_files_of_python())
    except OSError as error:
        raise _Missing(f"files can be read: the kernel has no Landlock, or keeps it off ({error.strerror})") from error
    if threads > 1:
        raise _Missing(f"files can be read by {threads - 1} of its threads: they ran before it was confined")


def _give_up_system_calls() -> None:
    machine = _machine("system calls are not filtered")
    instructions = seccomp_filter(machine, os.getpid())
    program = _Program(len(instructions) // 8, instructions)
    try:
        left_out = system_call(_SECCOMP[machine], _SET_FILTER, _FOR_ALL_THREADS, ctypes.byref(program))
    except OSError as error:
        raise _Missing(f"system calls are not filtered: {error.strerror}") from error
    if left_out:
        raise _Missing("system calls are not filtered: one of its threads has a filter of its own")


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _machine(consequence: str) -> str:
    if sys.platform != "linux":
        raise _Missing(f"{consequence}: only Linux is known")
    machine = platform.machine()
    if machine not in ARCHITECTURES or sys.byteorder != "little" or sys.maxsize < 2**32:
        raise _Missing(f"{consequence}: only 64-bit x86-64 and aarch64 are known, not {machine}")
    return machine


def _files_of_python() -> list[Path]:
    """Where imports, tracebacks and shared libraries come from; not the working folder, which may hold secrets."""
    folders = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    library = sysconfig.get_config_var("LIBDIR")
    own_package = Path(__file__).parents[1]
    return [own_package, *map(Path, dict.fromkeys([*folders, *([library] if library else []), *_SYSTEM, *_MACHINE]))]
