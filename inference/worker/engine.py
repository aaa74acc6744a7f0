"""What does the work: the colorizer on its device, and the imaging around it.

Importing this module imports PyTorch, which takes seconds: the worker does so beside its event loop.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

import numpy as np
import torch

from inference.imaging import Limits, Photo, Picture, decode, encode, measure
from inference.model.colorizer import Colorizer, WeightsError, load_colorizer
from inference.settings import UnusableSettings, WorkerSettings, names_of
from inference.vocabulary import RecolorOptions
from inference.worker.batching import Plane
from inference.worker.heap import give_back_memory


class Engine:
    """A loaded colorizer and the limits of what it takes.

    ``forward`` and ``make_room`` are for the device thread alone, the others for any thread.
    """

    def __init__(self, colorizer: Colorizer, limits: Limits) -> None:
        self.colorizer = colorizer
        self.limits = limits

    @classmethod
    def load(cls, settings: WorkerSettings) -> Engine:
        """Load the weights and run every input shape once, so that no user waits for what the first run costs.

        Raises ``UnusableSettings`` for weights and devices that can't be used.
        """
        limits = Limits(
            max_bytes=settings.max_bytes,
            max_pixels=settings.max_pixels,
            max_frames=settings.max_frames,
            max_total_pixels=settings.max_total_pixels,
        )
        engine = cls(_load_colorizer(settings), limits)
        for shape in engine.colorizer.shapes:
            engine.forward([np.zeros(shape, np.float32)])
        give_back_memory()
        return engine

    def measure(self, data: bytes) -> int:
        """Return how many pixels the file holds in all its frames, undecoded; raises ``Problem`` if it is not taken."""
        return measure(data, self.limits)

    def decode(self, data: bytes) -> tuple[Photo, Sequence[Plane]]:
        """Return the photo and, for each frame, the lightness (h, w) that the network is to see; raises ``Problem``."""
        photo = decode(data, self.limits)
        return photo, photo.network_input(self.colorizer.shapes)

    def forward(self, lightness: Sequence[Plane]) -> list[Plane]:
        """Return the ab planes (2, h/4, w/4) of lightness planes (h, w) in 0..100, all float32 and of one shape."""
        batch = torch.from_numpy(np.stack(lightness)[:, np.newaxis])
        return list(self.colorizer.predict(batch).numpy())

    def make_room(self) -> None:
        """Give back the memory that PyTorch keeps for later."""
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def encode(self, photo: Photo, ab: Sequence[Plane], options: RecolorOptions) -> Picture:
        """Return the recolored photo as a file."""
        return encode(photo, ab, options)


def _load_colorizer(settings: WorkerSettings) -> Colorizer:
    try:
        return load_colorizer(settings.weights, settings.device)
    except WeightsError as error:
        raise UnusableSettings(f"{names_of('weights')} can't be used: {_first_line(error)}.") from error
    except ValueError as error:
        raise UnusableSettings(f"{names_of('device')} can't be used: {_first_line(error)}.") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".:")
