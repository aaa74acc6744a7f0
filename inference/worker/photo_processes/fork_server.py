"""The worker's hold on the program that forks photo processes (``forking``)."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

from inference.worker.photo_processes.forking import DEATH, MODULE

_MANNER_SECONDS = 2.0
_REMEMBERED_DEATHS = 256
# Each process is to use one core; NumPy's and OpenMP's threads would only be in each other's way.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_SECRETS = "COLORIZEBOT_"


class ForkServer:
    """Starts at once, and takes orders before its program is ready."""

    def __init__(self) -> None:
        self._deaths: dict[int, int] = {}
        self._lock = threading.Lock()
        self._start()

    def fork(self, niceness: int) -> socket.socket:
        """Order a photo process that gives way to others by ``niceness`` (0..19); return the socket to talk to it.

        A program that has died is replaced. Raises ``OSError`` where the system gives no more sockets or processes.
        """
        if self._lock.acquire(blocking=False):  # or somebody listens already
            # Whether or not anyone asks how they died: the program could tell no more once the socket is full.
            try:
                self._listen(0.0)
            finally:
                self._lock.release()
        own, other = socket.socketpair()
        with other:
            try:
                self._order(other, niceness)
            except (BrokenPipeError, ConnectionResetError):
                with self._lock:
                    self.close()
                    self._start()
                self._order(other, niceness)
        return own

    def manner(self, process: int) -> str:
        """Tell how a process died, "killed by SIGSEGV" or "exit status 1"; waits up to two seconds to learn it."""
        with self._lock:
            status = self._wait_for(process)
        if status is None:
            return "ended"
        return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"

    def _wait_for(self, process: int) -> int | None:
        deadline = time.monotonic() + _MANNER_SECONDS
        while process not in self._deaths and self._listen(max(0.0, deadline - time.monotonic())):
            pass
        return self._deaths.pop(process, None)

    def _listen(self, seconds: float) -> bool:
        """Note all deaths that the program tells of within a time; return whether it told of any."""
        told = False
        news = select.poll()
        news.register(self._control, select.POLLIN)
        while news.poll(0 if told else seconds * 1000):
            try:
                note = self._control.recv(DEATH.size, socket.MSG_WAITALL)
            except ConnectionResetError:  # it died before it had all orders
                break
            if len(note) < DEATH.size:
                break
            died, status = DEATH.unpack(note)
            self._deaths[died] = status
            told = True
        while len(self._deaths) > _REMEMBERED_DEATHS:
            del self._deaths[next(iter(self._deaths))]
        return told

    def close(self) -> None:
        """End the program and all its processes."""
        self._control.close()  # upon which it kills them and ends
        self._process.wait()

    def _start(self) -> None:
        self._control, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, "-m", MODULE],
                stdin=other.fileno(),
                # Strangers' files are opened there: it has no business with tokens.
                env={name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)} | _ONE_THREAD,
            )

    def _order(self, other: socket.socket, niceness: int) -> None:
        socket.send_fds(self._control, [bytes([niceness])], [other.fileno()])
