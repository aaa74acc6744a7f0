"""What the tests of the worker and its client share."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from inference.model.colorizer import BUNDLED_WEIGHTS, Configuration, save_weights
from tests.inference.running_worker import RunningWorker


@pytest.fixture(scope="session")
def weights_flags(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The flags that choose weights: none for the bundled ones, random ones where none are bundled yet."""
    if BUNDLED_WEIGHTS.is_file():
        return []
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    configuration = Configuration()
    save_weights(path, configuration.build(), configuration)
    return ["--weights", str(path)]


@pytest.fixture(scope="session")
def shared_worker(weights_flags: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    """One ready worker, on TCP and a UNIX socket, for all tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("worker")
    flags = ["--port", "0", "--socket", "worker.sock", "--device", "cpu", *weights_flags]
    with RunningWorker(*flags, folder=folder) as worker:
        yield worker.wait_ready()


def photograph(width: int, height: int, mode: str = "L") -> Image.Image:
    """Return a picture of soft shapes, as a photo has; the same each time."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    levels = np.random.default_rng(0).normal(128, 40, (height // 40 + 2, width // 40 + 2, bands))
    shapes = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8).squeeze(), mode)
    return shapes.resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, file_format: str = "JPEG", **options: object) -> bytes:
    """Return the image as a file."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A gray photo of 320 × 240 pixels."""
    return encoded(photograph(320, 240))


@pytest.fixture(scope="session")
def small_worker(weights_flags: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    """A ready worker that is soon full: two requests, one photo process, files of 1 MB, uploads that may pause 5 s."""
    limits = ["--queue-size", "2", "--photo-processes", "1", "--max-bytes", "1000000", "--body-timeout-seconds", "5"]
    flags = ["--port", "0", "--device", "cpu", *limits, *weights_flags]
    with RunningWorker(*flags, folder=tmp_path_factory.mktemp("small-worker")) as worker:
        yield worker.wait_ready()
