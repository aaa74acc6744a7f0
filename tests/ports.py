"""Ports for servers that must know theirs before they listen, or listen there again later."""

from __future__ import annotations

import itertools
import os
import socket

# Test processes are started one after the other; so spread, none comes upon what its neighbour has just let go.
_PORTS = itertools.cycle(range(20_000 + os.getpid() * 997 % 10_000, 32_000))


def free_port() -> int:
    """Return a port that nobody gets by chance meanwhile: it lies below those that systems hand out by themselves."""
    for port in _PORTS:
        with socket.socket() as taken:
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("there is no end to the ports")
