"""A worker whose network waits for batches of one size: ``python -m inference.bench.fixed_batch_worker SIZE ...``.

All else is the worker's own; further arguments are its flags. What comes last waits for ever where it does not fill a
batch, so the photos sent have to be a multiple.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from inference import __main__ as program
from inference.worker import batching, recoloring


def main(arguments: Sequence[str]) -> int:
    """Run the worker; return its exit status."""
    size = int(arguments[0])

    class FixedBatcher(batching.Batcher):
        def _next_batch(self) -> list[batching._Waiting]:
            if len(self._waiting) >= size:
                return super()._next_batch()
            self._arrival.clear()
            return []

    vars(recoloring)["Batcher"] = FixedBatcher  # no setting: it would be of no use to anybody
    sys.argv = [sys.argv[0], "--batch-size", str(size), *arguments[1:]]
    return program.main()


if __name__ == "__main__":
    program.leave(main(sys.argv[1:]))
