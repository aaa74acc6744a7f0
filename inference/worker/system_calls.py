"""The system calls that a confined process may not make, as a seccomp filter.

A filter is a small program that the kernel runs before each system call of the process (Linux's
``Documentation/userspace-api/seccomp_filter.rst``). This one lets calls pass that are not listed here: those that
compute, allocate, start threads, and read and write descriptors that are open already. What is listed fails with
``EPERM``.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable, Mapping
from typing import Final

# The words of classic BPF, from <linux/bpf_common.h>: load a word of the call's data, compare, return.
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_NOT_LESS, _JUMP_IF_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# What the filter may say, from <linux/seccomp.h>.
_KILL_PROCESS, _FAIL, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
# Where things are in ``struct seccomp_data``.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

_Instruction = tuple[int, int, int, int]
_Body = tuple[_Instruction, ...]

ARCHITECTURES: Final[Mapping[str, tuple[int, int]]] = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""By machine: the kernel's name for its calls (``AUDIT_ARCH_...``), and the column of ``NUMBERS``."""

_X32 = 0x40000000
"""Calls of x86-64 with this bit are those of its 32-bit pointers, which would go around the list."""
_FIRST_UNKNOWN = 451
"""Calls from here on are younger than the list (Linux 6.2 and later; numbers are the same on every machine)."""

_CLONE_THREAD = 0x10000
_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
"""Typing into, and pasting onto, the terminal that a process was started from."""
_F_SETOWN, _F_SETOWN_EX = 8, 15
"""Having the kernel send signals to another process."""

# fmt: off
NUMBERS: Final[Mapping[str, tuple[int | None, int | None]]] = {
    # Reach others: no new socket of any kind; those that are connected already go on.
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181),
    # Start programs and processes; threads are fine.
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None), "clone": (56, 220),
    "clone3": (435, 435),
    # Look into other processes, or send them signals.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "fcntl": (72, 25), "ioctl": (16, 29),
    # Say when and where other processes run.
    "setpriority": (141, 140), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122), "sched_setattr": (314, 274), "ioprio_set": (251, 30),
    # Write files, or change what is known about them.
    "open": (2, None), "openat": (257, 56), "openat2": (437, 437), "creat": (85, None), "truncate": (76, 45),
    "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276),
    "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "link": (86, None), "linkat": (265, 37),
    "symlink": (88, None), "symlinkat": (266, 36), "mknod": (133, None), "mknodat": (259, 33), "chmod": (90, None),
    "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, None), "lchown": (94, None), "fchown": (93, 55),
    "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "fanotify_init": (300, 262),
    # Get out of the limits, or more rights.
    "prlimit64": (302, 261), "setrlimit": (160, 164), "setuid": (105, 146), "setgid": (106, 144),
    "setreuid": (113, 145), "setregid": (114, 143), "setresuid": (117, 147), "setresgid": (119, 149),
    "setfsuid": (122, 151), "setfsgid": (123, 152), "setgroups": (116, 159), "capset": (126, 91),
    "personality": (135, 92), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    # Reach parts of the kernel that a codec has no use for, and that have let attackers in.
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "modify_ldt": (154, None), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162), "iopl": (172, None),
    "ioperm": (173, None), "quotactl": (179, 60), "quotactl_fd": (443, 443), "lookup_dcookie": (212, 18),
    "syslog": (103, 116), "vhangup": (153, 58), "nfsservctl": (180, 42),
}
# fmt: on
"""What is refused, whole or in part: its number on x86-64 and on aarch64 (None where there is no such call)."""


def seccomp_filter(machine: str, process: int) -> bytes:
    """Return the filter for a process of this id on ``machine``, as an array of ``struct sock_filter``.

    Raises ``KeyError`` for a machine that is not among ``ARCHITECTURES``.
    """
    architecture, column = ARCHITECTURES[machine]
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_IF_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),  # the calls of another machine have other numbers
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        program += [(_JUMP_IF_NOT_LESS, 0, 1, _X32), _fail(errno.ENOSYS)]
    program += [(_JUMP_IF_NOT_LESS, 0, 1, _FIRST_UNKNOWN), _fail(errno.ENOSYS)]
    in_part = _refused_in_part(process)
    for name, numbers in NUMBERS.items():
        number = numbers[column]
        if number is not None:
            body = in_part.get(name, (_fail(errno.EPERM),))
            program += [(_JUMP_IF_EQUAL, 0, len(body), number), *body]
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _refused_in_part(process: int) -> dict[str, _Body]:
    """Calls whose arguments matter, and the two for which the C library has another way if they don't exist."""
    return {
        "clone3": (_fail(errno.ENOSYS),),  # its flags can't be seen from here; the C library then takes clone
        "openat2": (_fail(errno.ENOSYS),),
        "clone": _unless_bits(0, _CLONE_THREAD),
        "open": _if_bits(1, _FOR_WRITING),
        "openat": _if_bits(2, _FOR_WRITING),
        "kill": _unless_equal(0, process),
        "tgkill": _unless_equal(0, process),
        "fcntl": _if_equal(1, (_F_SETOWN, _F_SETOWN_EX)),
        "ioctl": _if_equal(1, (_TIOCSTI, _TIOCLINUX)),
        "sendto": _if_given(4),  # send(2) is a sendto without an address
        "prlimit64": _if_given(2),  # without new limits it only tells the present ones
    }


def _fail(number: int) -> _Instruction:
    return _RETURN, 0, 0, _FAIL | number


def _argument(index: int) -> _Instruction:
    """Load the lower half of an argument, all that the kernel looks at in an int."""
    return _LOAD, 0, 0, _ARGUMENTS + 8 * index


def _if_bits(index: int, bits: int) -> _Body:
    return _argument(index), (_JUMP_IF_BITS, 0, 1, bits), _fail(errno.EPERM), (_RETURN, 0, 0, _ALLOW)


def _unless_bits(index: int, bits: int) -> _Body:
    return _argument(index), (_JUMP_IF_BITS, 1, 0, bits), _fail(errno.EPERM), (_RETURN, 0, 0, _ALLOW)


def _unless_equal(index: int, value: int) -> _Body:
    return _argument(index), (_JUMP_IF_EQUAL, 1, 0, value), _fail(errno.EPERM), (_RETURN, 0, 0, _ALLOW)


def _if_equal(index: int, values: Iterable[int]) -> _Body:
    tests = [each for value in values for each in ((_JUMP_IF_EQUAL, 0, 1, value), _fail(errno.EPERM))]
    return _argument(index), *tests, (_RETURN, 0, 0, _ALLOW)


def _if_given(index: int) -> _Body:
    """Refuse a pointer other than NULL: either half of it may be what differs."""
    lower, upper = _argument(index), (_LOAD, 0, 0, _ARGUMENTS + 8 * index + 4)
    return (
        lower,
        (_JUMP_IF_EQUAL, 0, 2, 0),
        upper,
        (_JUMP_IF_EQUAL, 1, 0, 0),
        _fail(errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    )
