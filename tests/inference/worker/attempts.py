"""What a codec that was taken over would try, as a program: told ``confined`` or ``free``, it prints what came of it in
the folder that it is run in.

Each attempt succeeds in a free process; so none of them fails for another reason than the confinement.
"""

from __future__ import annotations

import ctypes
import dataclasses
import fcntl
import json
import os
import platform
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from inference.worker.kernel import system_call
from inference.worker.sandbox import confine
from inference.worker.system_calls import ARCHITECTURES, NUMBERS

PTRACE_TRACEME = 0
MIB = 2**20

FOLDER = Path()
THERE = FOLDER / "there"


@cache
def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@cache
def datagrams() -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    return bound


@cache
def stream() -> socket.socket:
    ours, theirs = socket.socketpair()
    theirs.detach()
    return ours


def prepare() -> None:
    """Have what a process may have before it is confined."""
    THERE.write_text("already")
    for make in (listening, datagrams, stream):
        make()


def call(name: str, *arguments: object) -> int:
    number = NUMBERS[name][ARCHITECTURES[platform.machine()][1]]
    assert number is not None
    return system_call(number, *arguments)


def start_child() -> None:
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)


def spawn() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def replace_itself() -> None:
    # A program that is not there is looked for only by those who may start one at all.
    try:
        os.execv(FOLDER / "nothing", ["nothing"])
    except FileNotFoundError:
        return


def read_own_memory() -> None:
    # Even its own would need the call by which others' memory is read.
    secret, copy = ctypes.create_string_buffer(b"secret"), ctypes.create_string_buffer(6)
    remote = (ctypes.c_void_p * 2)(ctypes.addressof(secret), 6)
    local = (ctypes.c_void_p * 2)(ctypes.addressof(copy), 6)
    assert call("process_vm_readv", os.getpid(), local, 1, remote, 1, 0) == 6


def make_shared_memory() -> None:
    segment = call("shmget", 0, 4096, 0o1600)
    call("shmctl", segment, 0, None)


def take_memory() -> None:
    bytearray(600 * MIB)


def grow_file_in_memory() -> None:
    descriptor = os.memfd_create("long")
    try:
        os.ftruncate(descriptor, 600 * MIB)
    finally:
        os.close(descriptor)


def lift_limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def open_many_files() -> None:
    descriptors = [os.dup(0) for _ in range(100)]
    for descriptor in descriptors:
        os.close(descriptor)


def own_signals() -> None:
    fcntl.fcntl(stream(), fcntl.F_SETOWN, os.getppid())


def tell_process_of_parent() -> None:
    os.close(os.pidfd_open(os.getppid()))


ATTEMPTS: dict[str, Callable[[], object]] = {
    "open a TCP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close(),
    "open a UDP socket": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close(),
    "open a UNIX socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close(),
    "make a pair of sockets": socket.socketpair,
    "connect a socket that is there": lambda: datagrams().connect(datagrams().getsockname()),
    "listen on a socket that is there": lambda: listening().listen(7),
    "send a datagram to an address": lambda: datagrams().sendto(b"secret", datagrams().getsockname()),
    "make shared memory": make_shared_memory,
    "start a child": start_child,
    "start a program": spawn,
    "become another program": replace_itself,
    "read memory as of another process": read_own_memory,
    "signal its parent": lambda: os.kill(os.getppid(), 0),
    "signal everybody": lambda: os.kill(-1, 0),
    "watch its parent": tell_process_of_parent,
    "have its parent give way": lambda: os.setpriority(
        os.PRIO_PROCESS, os.getppid(), os.getpriority(os.PRIO_PROCESS, os.getppid())
    ),
    "have its parent use certain CPUs": lambda: os.sched_setaffinity(os.getppid(), os.sched_getaffinity(os.getppid())),
    "have its parent run when nobody else does": lambda: os.sched_setscheduler(
        os.getppid(), os.sched_getscheduler(os.getppid()), os.sched_param(0)
    ),
    "have its parent signalled": own_signals,
    "make a file": lambda: (FOLDER / "new").write_text("ours"),
    "change a file": lambda: THERE.write_text("ours"),
    "lengthen a file": lambda: THERE.open("a").close(),
    "cut a file short": lambda: os.truncate(THERE, 0),
    "read another's file": THERE.read_text,
    "read who is who": lambda: Path("/etc/passwd").read_text(),
    "read the environment": lambda: Path("/proc/self/environ").read_bytes(),
    "list a folder": lambda: list(FOLDER.iterdir()),
    "make a folder": lambda: (FOLDER / "inner").mkdir(),
    "rename a file": lambda: THERE.rename(FOLDER / "there"),
    "link to a file": lambda: (FOLDER / "link").symlink_to(THERE),
    "change a file's mode": lambda: THERE.chmod(0o600),
    "remove a file": THERE.unlink,
    "take memory": take_memory,
    "grow a file in memory": grow_file_in_memory,
    "lift its limits": lift_limit,
    "open many files": open_many_files,
    "change what it runs as": lambda: os.setresuid(-1, -1, -1),
    "be traced": lambda: call(
        "ptrace", PTRACE_TRACEME, 0, 0, 0
    ),  # the last: what is traced stops when it starts a program
}


def outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except (OSError, ValueError, MemoryError, subprocess.SubprocessError) as error:
        return type(error).__name__
    return "done"


def main() -> None:
    prepare()
    says: dict[str, object] = {}
    if sys.argv[1] == "confined":
        confinement = confine(memory_bytes=500 * MIB, cpu_seconds=None)
        says["confinement"] = dataclasses.asdict(confinement)
    says |= {name: outcome(attempt) for name, attempt in ATTEMPTS.items()}
    print(json.dumps(says))


if __name__ == "__main__":
    main()
