"""From a run's checkpoint to a weights file that the worker loads."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from inference.model.colorizer import PUBLISHED_ECCV16, SHAPES, Configuration, WeightsError, save_weights
from inference.model.encoding import TEMPERATURE
from training.checkpoint import Checkpoint, load_checkpoint
from training.networks import configuration_of

_LOG = "log.jsonl"
_RATIOS = (1.4, 1.6, 1.8)
_STRIDE = 32


@dataclasses.dataclass(frozen=True)
class Decoding:
    """How exported weights are to be decoded; see :class:`inference.model.colorizer.Configuration`."""

    temperature: float = TEMPERATURE
    chroma: float = 1.0
    shrinkage: float | None = None

    def __post_init__(self) -> None:
        """Refuse what the worker would divide by.

        Raises:
            ValueError: the temperature or the shrinkage is not above 0.

        """
        if not self.temperature > 0:
            raise ValueError(f"--temperature has to be above 0, not {self.temperature:g}; 1e-6 decodes the mode")
        if self.shrinkage is not None and not self.shrinkage > 0:
            raise ValueError(f"--shrinkage has to be above 0, not {self.shrinkage:g}")


def export(run: Path, target: Path, decoding: Decoding, *, size: int | None = None) -> Configuration:
    """Write the averaged weights of ``run`` to ``target``; return their configuration.

    Args:
        run: folder of a run, with its checkpoint and its log.
        target: the ``.safetensors`` file to write.
        decoding: how the weights are to be decoded.
        size: the input sizes have about the area of a square of this side, in pixels; None keeps the usual ones.

    Raises:
        CheckpointError: the folder holds no checkpoint.

    """
    return write_weights(load_checkpoint(run), target, decoding, size=size, minutes=minutes_of(run))


def write_weights(
    checkpoint: Checkpoint,
    target: Path,
    decoding: Decoding,
    *,
    size: int | None = None,
    minutes: float = 0.0,
) -> Configuration:
    """Write a checkpoint's averaged weights as :func:`export` does, atomically; ``minutes`` is the time they took.

    Raises:
        WeightsError: the file can't be written, or a weight is not finite.

    """
    recipe = checkpoint.recipe
    shapes = SHAPES if recipe.network == "topdown" else PUBLISHED_ECCV16.shapes
    configuration = dataclasses.replace(
        configuration_of(recipe),
        temperature=decoding.temperature,
        chroma=decoding.chroma,
        shrinkage=decoding.shrinkage,
        shapes=shapes if size is None else shapes_near(size),
        training={
            # The name of what a run began with is worth knowing, the folder that it lay in is not.
            "recipe": {**recipe.model_dump(), "start_from": Path(recipe.start_from).name},
            "revision": checkpoint.revision,
            "arguments": list(checkpoint.arguments),
            "photos_seen": checkpoint.step * recipe.batch,
            "minutes": minutes,
        },
    )
    network = configuration.build()
    network.load_state_dict(checkpoint.average)
    partial = target.with_name(f"{target.name}.partial")
    try:
        save_weights(partial, network, configuration, checkpoint.prior)
        partial.replace(target)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise WeightsError(f"{target} can't be written: {error}") from error
    return configuration


def shapes_near(size: int) -> tuple[tuple[int, int], ...]:
    """Return input sizes (height, width), multiples of 32, about as large as a square of ``size``."""
    shapes = [(_rounded(size), _rounded(size))]
    for ratio in _RATIOS:
        short = _rounded(size / math.sqrt(ratio))
        long = _rounded(short * ratio)
        shapes += [shape for shape in ((short, long), (long, short)) if shape not in shapes]
    return tuple(shapes)


def _rounded(length: float) -> int:
    return max(_STRIDE, round(length / _STRIDE) * _STRIDE)


def minutes_of(run: Path) -> float:
    """Add up the time of all starts of a run: the clock of its log begins anew with each."""
    path = run / _LOG
    if not path.exists():
        return 0.0
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]  # a full disk leaves half a line
    lines: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
    seconds = [0.0, *(float(line["seconds"]) for line in lines)]
    ends = [now for now, following in zip(seconds, [*seconds[1:], 0.0], strict=True) if following < now]
    return round(sum(ends) / 60, 1)
