"""Telling systemd (or whatever speaks its notification protocol) that a process is ready, well, or on its way out.

The protocol is that of sd_notify(3): lines such as ``READY=1`` in one datagram to the socket that ``NOTIFY_SOCKET``
names. Without that variable there is nobody to tell, and everything here does nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, MutableMapping

_log = logging.getLogger(__name__)

_SOCKET = "NOTIFY_SOCKET"
_WATCHDOG_MICROSECONDS = "WATCHDOG_USEC"
_WATCHDOG_PROCESS = "WATCHDOG_PID"
_PINGS_PER_PERIOD = 3
"""Two may come late or be lost before the manager takes the process for hung."""


class ServiceManager:
    """The manager that started this process, if there is one.

    It takes the variables out of the environment, so that no child process speaks in this one's name.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Read where the manager listens, and how often it wants to hear that all is well."""
        self._address = _socket_address(environment.pop(_SOCKET, ""))
        period, process = environment.pop(_WATCHDOG_MICROSECONDS, ""), environment.pop(_WATCHDOG_PROCESS, "")
        meant = not process or process == str(os.getpid())
        self.watchdog_seconds = int(period) / 1e6 if period.isdecimal() and meant else 0.0
        """Silence after which the manager ends this process; 0 when it doesn't watch."""

    def ready(self, status: str) -> None:
        """Say that the work can begin; ``status`` is one line for people."""
        self._tell("READY=1", f"STATUS={status}")

    def stopping(self) -> None:
        """Say that the process finishes what it has in hand, and ends."""
        self._tell("STOPPING=1", "STATUS=finishing what is in hand")

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Ping the manager from the event loop for as long as the context lasts: a loop that hangs falls silent."""
        if self._address is None or not self.watchdog_seconds:
            yield
            return
        pinging = asyncio.create_task(self._ping())
        try:
            yield
        finally:
            pinging.cancel()

    async def _ping(self) -> None:
        while True:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_seconds / _PINGS_PER_PERIOD)

    def _tell(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            ) as sender:
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            # The manager is being restarted, its queue is full, or there is no descriptor left for the moment: no
            # reason to stop working, or to say nothing from then on.
            _log.warning("the service manager can't be told %s: %s", lines[0], error)


def _socket_address(variable: str) -> str | None:
    if not variable:
        return None
    # A leading @ stands for the NUL byte of Linux' abstract addresses.
    return "\0" + variable[1:] if variable.startswith("@") else variable
