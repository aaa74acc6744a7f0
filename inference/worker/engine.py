"""What does the work: the colorizer on its device.

Importing this module imports PyTorch, which takes seconds: the worker does so beside its event loop.
"""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from inference.imaging import Limits
from inference.model.colorizer import Colorizer, WeightsError, load_colorizer
from inference.settings import UnusableSettings, WorkerSettings, names_of
from inference.worker.batching import Plane
from inference.worker.heap import give_back_memory
from inference.worker.limits import limits_of


class Engine:
    """A loaded colorizer and the limits of what it takes; ``forward`` and ``make_room`` are for the device thread."""

    def __init__(self, colorizer: Colorizer, limits: Limits) -> None:
        self.colorizer = colorizer
        self.limits = limits

    @classmethod
    def load(cls, settings: WorkerSettings) -> Engine:
        """Load the weights and run every input shape once, so that no user waits for what the first run costs.

        Raises ``UnusableSettings`` for weights and devices that can't be used.
        """
        engine = cls(_load_colorizer(settings), limits_of(settings))
        for shape in engine.colorizer.shapes:
            engine.forward([np.zeros(shape, np.float32)])
        give_back_memory()
        return engine

    def describe(self) -> dict[str, Any]:
        """Return the model, its device and the limits, for JSON."""
        colorizer = self.colorizer
        return {
            "name": colorizer.name,
            "weights_sha256": colorizer.digest,
            "configuration": dataclasses.asdict(colorizer.configuration),
            "device": str(colorizer.device),
            "shapes": colorizer.shapes,
            "limits": dataclasses.asdict(self.limits),
        }

    def forward(self, lightness: Sequence[Plane]) -> list[Plane]:
        """Return the ab planes (2, h/4, w/4) of lightness planes (h, w) in 0..100, all float32 and of one shape."""
        batch = torch.from_numpy(np.stack(lightness)[:, np.newaxis])
        return list(self.colorizer.predict(batch).numpy())

    def make_room(self) -> None:
        """Give back the memory that PyTorch keeps for later."""
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _load_colorizer(settings: WorkerSettings) -> Colorizer:
    try:
        return load_colorizer(settings.weights, settings.device)
    except WeightsError as error:
        raise UnusableSettings(f"{names_of('weights')} can't be used: {_first_line(error)}.") from error
    except ValueError as error:
        raise UnusableSettings(f"{names_of('device')} can't be used: {_first_line(error)}.") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".:")
