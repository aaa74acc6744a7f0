"""Processes that read photos side by side, and never outlive the one that started them."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor

import torch


def reading_processes() -> ProcessPoolExecutor:
    """Return a pool of one process a core, each with one thread for PyTorch."""
    return ProcessPoolExecutor(os.cpu_count(), initializer=_begin)


def _begin() -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # at Ctrl-C, at once and without a word
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A parent that is killed can't tell its pool to end, which would wait for work for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
