"""The program that forks photo processes: it has imported all they need, and so they are there in milliseconds.

The worker itself can't fork: it has threads, and PyTorch. The program takes its orders from the socket that is its
standard input, and tells there who died; when it closes, however the worker ended, it takes its processes along.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import sys
from types import FrameType

MODULE = "inference.worker.photo_processes.forking"
DEATH = struct.Struct("!ii")
"""A process's id, and its exit status or, below zero, the signal that killed it."""

_STANDARD_INPUT, _STANDARD_ERROR = 0, 2


def main() -> None:
    """Fork a process for every socket that comes through standard input, until that ends."""
    # Not at the top: the worker imports this module, and has no use for them.
    import gc
    import warnings

    from inference.worker.photo_processes.serving import serve

    alive: set[int] = set()
    with socket.socket(fileno=_STANDARD_INPUT) as control:
        _tell_of_the_dead(alive, control)
        warnings.simplefilter("ignore")
        _silence_codecs()
        gc.freeze()  # or collecting garbage would write to, and so copy, what the processes share
        while (order := _next_order(control)) is not None:
            niceness, connection = order
            process = os.fork()
            if process == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                control.close()
                os.nice(niceness)
                serve(connection)
                os._exit(0)
            alive.add(process)
            connection.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # nobody wants to hear of it, and nothing changes the set
    for process in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _silence_codecs() -> None:
    """Keep what libraries in C say of a file, line upon line, out of the log; Python still tells of bugs there."""
    sys.stderr = os.fdopen(os.dup(_STANDARD_ERROR), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STANDARD_ERROR)
    os.close(nowhere)


def _next_order(control: socket.socket) -> tuple[int, socket.socket] | None:
    """Return how much the next process is to give way, and whom it is to talk to; None when the worker has gone."""
    try:
        niceness, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    except ConnectionResetError:  # it didn't wait to hear who died
        return None
    return (niceness[0], socket.socket(fileno=descriptors[0])) if niceness else None


def _tell_of_the_dead(alive: set[int], control: socket.socket) -> None:
    def tell(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ChildProcessError):
            while (death := os.waitpid(-1, os.WNOHANG))[0]:
                process, status = death
                alive.discard(process)
                with contextlib.suppress(OSError):  # the worker may have gone
                    control.sendall(DEATH.pack(process, os.waitstatus_to_exitcode(status)))

    signal.signal(signal.SIGCHLD, tell)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Whoever stops a whole group of processes means the worker, which finishes what is in work.
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
