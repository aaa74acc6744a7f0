"""``--weights NAME=FILE`` and how they are decoded, for the subcommands that compare weights."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from inference.model.colorizer import BUNDLED_WEIGHTS, Colorizer, load_colorizer, read_prior
from training.baselines import decoding


@dataclass(frozen=True)
class NamedWeights:
    """A weights file with the name that the tables give it; None takes the weights' own."""

    name: str | None
    path: Path

    @classmethod
    def parse(cls, argument: str) -> "NamedWeights":
        """Read ``NAME=FILE`` or ``FILE``."""
        name, separator, path = argument.partition("=")
        return cls(name, Path(path)) if separator else cls(None, Path(argument))


def add_weights(command: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add ``--weights``."""
    command.add_argument(
        "--weights",
        type=NamedWeights.parse,
        nargs="+",
        required=required,
        default=[NamedWeights(None, BUNDLED_WEIGHTS)],
        metavar="[NAME=]FILE",
        help="weights to compare, by the names to show them under"
        + ("" if required else "; default: the bundled ones"),
    )


def add_decoding(command: argparse.ArgumentParser) -> None:
    """Add ``--temperature`` and ``--chroma``."""
    command.add_argument(
        "--temperature",
        type=float,
        metavar="T",
        help="decode with this T instead of the weights' own: 1 is the mean of the distribution, 0 its mode",
    )
    command.add_argument("--chroma", type=float, help="multiply ab by this instead of the weights' own factor")


def load_named(options: argparse.Namespace) -> dict[str, Colorizer]:
    """Load the weights that the command line names.

    Raises:
        ValueError: two weights have the same name, or the temperature is negative.
        WeightsError: a file holds no weights.

    """
    colorizers: dict[str, Colorizer] = {}
    for weights in options.weights:
        loaded = load_colorizer(weights.path, options.device)
        name = weights.name or loaded.name
        if name in colorizers:
            raise ValueError(f"two weights are named {name!r}")
        colorizers[name] = decoding(loaded, temperature=options.temperature, chroma=options.chroma)
    return colorizers


def prior_of(weights: Sequence[NamedWeights]) -> Tensor:
    """Return p̃ ``(313,)`` of the photos that the first weights learned from, or the bundled ones did."""
    known = [named.path for named in weights if named.path.suffix == ".safetensors"]
    return read_prior(known[0] if known else BUNDLED_WEIGHTS)
