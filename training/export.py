"""From a run's checkpoint to a weights file that the worker loads."""

import json
from pathlib import Path
from typing import Any

from inference.model.colorizer import PUBLISHED_ECCV16, SHAPES, Configuration, save_weights
from training.checkpoint import load_checkpoint

_LOG = "log.jsonl"


def export(run: Path, target: Path, *, temperature: float, chroma: float) -> Configuration:
    """Write the averaged weights of ``run`` to ``target``; return their configuration.

    Args:
        run: folder of a run, with its checkpoint and its log.
        target: the ``.safetensors`` file to write.
        temperature: T of the annealed mean that the weights are decoded with.
        chroma: factor on the decoded ab.

    Raises:
        CheckpointError: the folder holds no checkpoint.

    """
    checkpoint = load_checkpoint(run)
    recipe = checkpoint.recipe
    configuration = Configuration(
        network=recipe.network,
        encoder=recipe.encoder if recipe.network == "topdown" else "",
        temperature=temperature,
        chroma=chroma,
        shapes=SHAPES if recipe.network == "topdown" else PUBLISHED_ECCV16.shapes,
        training={
            "recipe": recipe.model_dump(),
            "revision": checkpoint.revision,
            "photos_seen": checkpoint.step * recipe.batch,
            "minutes": _minutes(run),
        },
    )
    network = configuration.build()
    network.load_state_dict(checkpoint.average)
    save_weights(target, network, configuration, checkpoint.prior)
    return configuration


def _minutes(run: Path) -> float:
    """Add up the time of all starts of a run: the clock of its log begins anew with each."""
    path = run / _LOG
    if not path.exists():
        return 0.0
    lines: list[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    seconds = [float(line["seconds"]) for line in lines]
    ends = [now for now, following in zip(seconds, [*seconds[1:], 0.0], strict=True) if following < now]
    return round(sum(ends) / 60, 1)
