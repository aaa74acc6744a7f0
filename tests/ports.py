"""Ports for servers that must know theirs before they listen, or listen there again later."""

from __future__ import annotations

import functools
import itertools
import socket
from collections.abc import Iterator
from contextlib import suppress

_AT_ONCE = 200
"""How many ports one process of the tests has for itself."""


def free_port() -> int:
    """Return a port that nobody gets by chance meanwhile: it lies below those that systems hand out by themselves."""
    _, ports = _own_ports()
    for port in ports:
        with socket.socket() as taken:
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("there is no end to the ports")


@functools.cache
def _own_ports() -> tuple[socket.socket, Iterator[int]]:
    """Claim ports for as long as this process lives: its neighbours see that by a UDP socket, in no server's way."""
    claim = socket.socket(type=socket.SOCK_DGRAM)
    for first in range(20_000, 32_000, _AT_ONCE):
        with suppress(OSError):
            claim.bind(("127.0.0.1", first))
            return claim, itertools.cycle(range(first, first + _AT_ONCE))
    raise AssertionError("too many processes run tests")
