"""A service manager's end of the notification protocol: a real datagram socket, and what was said on it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class NotifySocket:
    """Hears what processes tell; one datagram is one message of lines ``NAME=value``."""

    def __init__(self, listener: socket.socket, address: str) -> None:
        self._listener = listener
        self.address = address
        self.heard: list[dict[str, str]] = []

    def next(self, seconds: float) -> dict[str, str] | None:
        """Return the next message, or None when nobody says anything for so long."""
        self._listener.settimeout(seconds)
        try:
            datagram = self._listener.recv(4096)
        except TimeoutError:
            return None
        message = dict(line.split("=", 1) for line in datagram.decode().splitlines())
        self.heard.append(message)
        return message

    def until(self, name: str, seconds: float = 60.0) -> dict[str, str]:
        """Return the next message that has this line."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self.next(left)
            if message is not None and name in message:
                return message
        raise AssertionError(f"nobody said {name}; heard {self.heard}")

    def forget(self) -> None:
        """Pass over what was said up to now."""
        self._listener.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self._listener.recv(4096)

    def count(self, name: str, seconds: float) -> int:
        """Listen for so long; return how many messages had this line."""
        deadline, before = time.monotonic() + seconds, len(self.heard)
        while (left := deadline - time.monotonic()) > 0:
            self.next(left)
        return sum(name in message for message in self.heard[before:])


@contextmanager
def notify_socket(folder: Path) -> Iterator[NotifySocket]:
    """Listen as a service manager does."""
    path = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        yield NotifySocket(listener, str(path))
