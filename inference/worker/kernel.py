"""Calls to the Linux kernel for which Python has no function."""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)


def system_call(number: int, *arguments: object) -> int:
    """Make a system call with integers, None and pointers from ctypes; raises ``OSError`` when it fails."""
    _libc.syscall.restype = ctypes.c_long
    result: int = _libc.syscall(ctypes.c_long(number), *map(_whole_word, arguments))
    return _checked(result)


def prctl(option: int, value: int) -> int:
    """Make the call of this option with one value and zeros; raises ``OSError`` when it fails."""
    result: int = _libc.prctl(option, *map(_whole_word, (value, 0, 0, 0)))
    return _checked(result)


def _whole_word(argument: object) -> object:
    """Fill the register: of a variadic argument, the callee may read 64 bits."""
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
