"""The filter of system calls, run here as the kernel runs it, so that both machines are seen from either."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from inference.worker.system_calls import ARCHITECTURES, NUMBERS, seccomp_filter

OWN_ID, OTHER_ID = 4242, 1
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
# What a codec and Python need, by number.
NEEDED = {
    "x86_64": {
        "read": 0,
        "write": 1,
        "mmap": 9,
        "brk": 12,
        "recvmsg": 47,
        "sendmsg": 46,
        "futex": 202,
        "exit_group": 231,
    },
    "aarch64": {
        "read": 63,
        "write": 64,
        "mmap": 222,
        "brk": 214,
        "recvmsg": 212,
        "sendmsg": 211,
        "futex": 98,
        "exit_group": 94,
    },
}
ALLOWED, KILLED = "allowed", "killed"
REFUSED, UNKNOWN = errno.EPERM, errno.ENOSYS
IN_PART = {"clone", "open", "openat", "kill", "tgkill", "fcntl", "ioctl", "sendto", "prlimit64"}
CREATE, TRUNCATE, READ_WRITE, CLOSE_ON_EXEC = 0o100, 0o1000, 2, 0o2000000
CLONE_THREAD, CLONE_VM, SIGCHLD = 0x10000, 0x100, 17
A_POINTER = 0x7F00_0000_0000


def decide(machine: str, number: int, *arguments: int, architecture: int | None = None) -> str | int:
    """What the filter says to a call: an interpreter of the five instructions that it uses."""
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, architecture or ARCHITECTURES[machine][0], 0, *given)
    program = list(struct.iter_unpack("=HBBI", seccomp_filter(machine, OWN_ID)))
    at, word = 0, 0
    while True:
        code, if_so, if_not, value = program[at]
        at += 1
        if code == 0x20:
            (word,) = struct.unpack_from("=I", data, value)
        elif code == 0x06:
            return {0x7FFF0000: ALLOWED, 0x80000000: KILLED}.get(value, value & 0xFFFF)
        else:
            holds = {0x15: word == value, 0x35: word >= value, 0x45: bool(word & value)}[code]
            at += if_so if holds else if_not


def number_of(machine: str, name: str) -> int:
    number = NUMBERS[name][ARCHITECTURES[machine][1]]
    assert number is not None
    return number


@pytest.fixture(params=ARCHITECTURES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_refuses_each_call_on_the_list(machine: str) -> None:
    for name, numbers in NUMBERS.items():
        number = numbers[ARCHITECTURES[machine][1]]
        if number is not None and name not in IN_PART:
            assert decide(machine, number) in {REFUSED, UNKNOWN}, name


def test_lets_through_what_computing_needs(machine: str) -> None:
    for name, number in NEEDED[machine].items():
        assert decide(machine, number) == ALLOWED, name


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("clone", (CLONE_VM | CLONE_THREAD,), ALLOWED),
        ("clone", (SIGCHLD,), REFUSED),
        ("clone3", (A_POINTER, 88), UNKNOWN),
        ("openat", (3, A_POINTER, CLOSE_ON_EXEC), ALLOWED),
        ("openat", (3, A_POINTER, READ_WRITE), REFUSED),
        ("openat", (3, A_POINTER, CREATE), REFUSED),
        ("openat", (3, A_POINTER, TRUNCATE), REFUSED),
        ("kill", (OWN_ID, 6), ALLOWED),
        ("kill", (OTHER_ID, 9), REFUSED),
        ("kill", (2**64 - 1, 9), REFUSED),
        ("tgkill", (OWN_ID, OWN_ID, 6), ALLOWED),
        ("tgkill", (OTHER_ID, OTHER_ID, 6), REFUSED),
        ("sendto", (3, A_POINTER, 10, 0, 0, 0), ALLOWED),
        ("sendto", (3, A_POINTER, 10, 0, A_POINTER, 16), REFUSED),
        ("sendto", (3, A_POINTER, 10, 0, 16, 16), REFUSED),
        ("prlimit64", (0, 9, 0, A_POINTER), ALLOWED),
        ("prlimit64", (0, 9, A_POINTER, 0), REFUSED),
        ("ioctl", (0, 0x5413), ALLOWED),
        ("ioctl", (0, 0x5412), REFUSED),
        ("ioctl", (0, 0x541C), REFUSED),
        ("fcntl", (0, 4), ALLOWED),
        ("fcntl", (0, 8), REFUSED),
    ],
)
def test_looks_at_arguments(machine: str, name: str, arguments: tuple[int, ...], said: str | int) -> None:
    assert decide(machine, number_of(machine, name), *arguments) == said


def test_refuses_calls_younger_than_the_list(machine: str) -> None:
    assert decide(machine, 451) == UNKNOWN
    assert decide(machine, 999) == UNKNOWN


def test_there_is_no_way_around_by_another_machines_numbers(machine: str) -> None:
    i386, arm = 0x40000003, 0x40000028
    assert decide(machine, 0, architecture=i386) == KILLED
    assert decide(machine, 0, architecture=arm) == KILLED
    x32_read = 0x40000000
    assert decide(machine, x32_read) == UNKNOWN


def test_numbers_are_the_kernels(machine: str) -> None:
    header = HEADERS[machine]
    if not header.is_file():
        pytest.skip(f"{header} is not installed")
    known = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    column = ARCHITECTURES[machine][1]
    for name, numbers in NUMBERS.items():
        assert str(numbers[column]) == known.get(name, "None"), name
