"""The GNU C library's heap, which by itself holds on to much of what photos have used; see mallopt(3).

With other C libraries nothing is done, and little is amiss.
"""

from __future__ import annotations

import ctypes
import os
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of malloc.h
_LARGEST_INT = 2**31 - 1  # mallopt takes no more, and what is more would wrap around
_CORES_PER_ARENA = 8
_KEPT_BYTES_A_PHOTO = 16 * 2**20
"""More than the network's maps take for one photo."""
_LARGE_BYTES = 32 * 2**20
"""Where allocations begin that always go back at once; the most that the library takes."""


def use_few_arenas() -> None:
    """Let threads share their arenas from now on; to be called before there are any.

    Each thread with an arena of its own keeps what its largest photo has used. Shared, they keep it once: a tenth of a
    worker's memory less, and no slower, for what is large is allocated seldom and what is small comes from caches.
    """
    if (library := _gnu_library()) is not None:
        library.mallopt(_M_ARENA_MAX, 1 + (os.cpu_count() or 1) // _CORES_PER_ARENA)


def keep_what_the_network_frees(photos: int) -> None:
    """Keep free memory at the heap's end for so many photos at once, rather than have it cleared anew for each batch.

    For eight photos at once on two threads, giving back and clearing takes a third of the network's whole time.
    """
    if (library := _gnu_library()) is not None:
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, min(photos * _KEPT_BYTES_A_PHOTO, _LARGEST_INT))


def give_back_memory() -> None:
    """Give the system back what is free in the heap; that takes some milliseconds."""
    if (library := _gnu_library()) is not None:
        library.malloc_trim(0)


def _gnu_library() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
