"""A batch over CPU threads: a few photos on each, rather than all threads on each photo.

The default network's layers are so small that threads which share one wait for each other longer than they compute:
on two cores, one photo takes no less time on both than on one. Photos apart need no waiting.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

_PIECE = 4
"""Most photos at once on a thread: more are no faster, and need more memory."""


class Team:
    """As many threads as PyTorch may use, each of which runs PyTorch by itself."""

    def __init__(self) -> None:
        """Start no thread yet."""
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._size = 0

    def map(self, run: Callable[..., Tensor], *batches: Tensor | None) -> Tensor:
        """Call ``run`` on pieces of equally long batches, side by side, and join what it returns, in order.

        An exception in any piece is raised here, when all of them have ended.
        """
        pool, size = self._pool()
        photos = next(len(batch) for batch in batches if batch is not None)
        step = min(_PIECE, -(-photos // size))
        pieces = [
            [None if batch is None else batch[start : start + step] for batch in batches]
            for start in range(0, photos, step)
        ]
        running = [pool.submit(run, *piece) for piece in pieces]
        failures = [failure for each in running if (failure := each.exception()) is not None]
        if failures:
            raise failures[0]
        return torch.cat([each.result() for each in running])

    def _pool(self) -> tuple[ThreadPoolExecutor, int]:
        size = torch.get_num_threads()
        with self._lock:
            if self._threads is None or self._size != size:
                if self._threads is not None:
                    self._threads.shutdown(wait=False)
                self._threads, self._size = _single_threaded_pool(size), size
            return self._threads, size


def _single_threaded_pool(size: int) -> ThreadPoolExecutor:
    """Return a pool whose threads are all running, each with one thread for PyTorch."""
    # The setting holds for the thread that makes it and for all that start later, hence all start now, and it is
    # set back for these.
    everyone = threading.Barrier(size)
    pool = ThreadPoolExecutor(size, thread_name_prefix="network", initializer=_run_alone)
    for started in [pool.submit(everyone.wait) for _ in range(size)]:
        started.result()
    torch.set_num_threads(size)
    return pool


def _run_alone() -> None:
    # A thread takes over the setting of all when it first asks or computes, which has to come before its own.
    torch.get_num_threads()
    torch.set_num_threads(1)
