"""Out of memory: how it shows, and how a batch is brought through the network in spite of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from inference.problems import OutOfMemory

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_CPU_ALLOCATOR = "DefaultCPUAllocator: can't allocate memory"
_BATCHES_BEFORE_GROWTH = 16


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error is Python's, NumPy's or PyTorch's way to say that memory ran out.

    PyTorch raises ``torch.OutOfMemoryError`` (a ``RuntimeError``) for accelerators, but a bare ``RuntimeError`` that
    only its text tells apart for the CPU. The class is known by name, so that PyTorch need not be imported here.
    """
    if isinstance(error, MemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    return any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__) or _CPU_ALLOCATOR in str(error)


class BatchLimit:
    """The most items of one batch at present: halved when memory runs out, doubled after a run of good batches."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.items = most
        self._good_batches = 0

    def failed(self, items: int) -> None:
        """Remember that a batch of ``items`` did not fit."""
        self.items = max(1, min(self.items, items // 2))
        self._good_batches = 0

    def fitted(self) -> None:
        """Remember that a batch did fit; after enough of them the limit grows again."""
        if self.items == self.most:
            return
        self._good_batches += 1
        if self._good_batches >= _BATCHES_BEFORE_GROWTH:
            self.items = min(self.most, self.items * 2)
            self._good_batches = 0


def forward_halving(
    forward: Callable[[Sequence[_Item]], Sequence[_Result]],
    items: Sequence[_Item],
    limit: BatchLimit,
    make_room: Callable[[], None],
) -> list[_Result | OutOfMemory]:
    """Return ``forward(items)``, in halves where the whole does not fit; ``OutOfMemory`` for an item too big alone.

    ``make_room`` is called after every failure, once the failed attempt's memory is let go. Other errors pass through.
    """
    results = _attempt(forward, items)
    if results is not None:
        limit.fitted()
        return list(results)
    limit.failed(len(items))
    make_room()
    if len(items) == 1:
        return [OutOfMemory()]
    middle = len(items) // 2
    return [
        *forward_halving(forward, items[:middle], limit, make_room),
        *forward_halving(forward, items[middle:], limit, make_room),
    ]


def _attempt(
    forward: Callable[[Sequence[_Item]], Sequence[_Result]], items: Sequence[_Item]
) -> Sequence[_Result] | None:
    # Returning ends the exception's life, and with it that of every tensor its traceback holds on to.
    try:
        return forward(items)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return None
