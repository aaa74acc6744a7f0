"""Views are made while the device is busy with the step before, so that it never waits for the numbers they draw."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from training.lots import Lot

Made = TypeVar("Made")


def lots_ahead(make: Callable[[int], list[Lot]], steps: range, device: torch.device) -> Iterator[tuple[int, list[Lot]]]:
    """Yield each step with the lots that ``make`` gives for it; with a GPU they are made one step ahead.

    On a CPU there is nothing to win: views and network want the same cores.
    """
    if device.type != "cuda":
        for step in steps:
            yield step, make(step)
        return
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def make_aside(step: int) -> tuple[list[Lot], torch.cuda.Event]:
        with torch.cuda.device(device), torch.cuda.stream(stream):
            lots = make(step)
            return lots, stream.record_event()

    for step, (lots, made) in one_ahead(make_aside, steps):
        now = torch.cuda.current_stream(device)
        now.wait_event(made)
        for lot in lots:
            for tensor in lot.tensors():
                tensor.record_stream(now)  # or its memory would be given away while this stream still reads it
        yield step, lots


def one_ahead(make: Callable[[int], Made], steps: range) -> Iterator[tuple[int, Made]]:
    """Yield each step with what ``make`` gives for it, which is made in a thread during the step before, in order."""
    with ThreadPoolExecutor(1, thread_name_prefix="views") as pool:
        coming = [pool.submit(make, step) for step in steps[:1]]
        for step in steps:
            made = coming.pop().result()
            if step != steps[-1]:
                coming.append(pool.submit(make, step + steps.step))
            yield step, made
