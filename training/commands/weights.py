"""``--weights NAME=FILE`` and how they are decoded, for the subcommands that compare weights."""

import argparse
import itertools
from collections.abc import Mapping, Sequence
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
    """Add ``--temperature``, ``--chroma`` and ``--shrinkage``, each of which takes several values to compare."""
    command.add_argument(
        "--temperature",
        type=float,
        nargs="+",
        default=[None],
        metavar="T",
        help="decode with this T instead of the weights' own: 1 is the mean of the distribution, 0 its mode; several "
        "are compared",
    )
    command.add_argument(
        "--chroma",
        type=float,
        nargs="+",
        default=[None],
        metavar="C",
        help="multiply ab by this instead of the weights' own factor; several are compared",
    )
    command.add_argument(
        "--shrinkage",
        type=float,
        nargs="+",
        default=[None],
        metavar="S",
        help="mute guesses with this S instead of the weights' own: chroma is halved where the distribution's standard "
        "deviation is S, in Lab units; inf mutes nothing; several are compared",
    )


def load_named(options: argparse.Namespace) -> dict[str, Colorizer]:
    """Load the weights that the command line names.

    Raises:
        ValueError: two weights have the same name.
        WeightsError: a file holds no weights.

    """
    colorizers: dict[str, Colorizer] = {}
    for weights in options.weights:
        loaded = load_colorizer(weights.path, options.device)
        name = weights.name or loaded.name
        if name in colorizers:
            raise ValueError(f"two weights are named {name!r}")
        colorizers[name] = loaded
    return colorizers


def decoded(colorizers: Mapping[str, Colorizer], options: argparse.Namespace) -> dict[str, Colorizer]:
    """Return each of the weights decoded in each of the ways that the command line names, by names that say so.

    Raises:
        ValueError: a temperature is negative.

    """
    ways = list(itertools.product(options.temperature, options.chroma, options.shrinkage))
    return {
        _name(name, temperature, chroma, shrinkage) if len(ways) > 1 else name: decoding(
            loaded, temperature=temperature, chroma=chroma, shrinkage=shrinkage
        )
        for name, loaded in colorizers.items()
        for temperature, chroma, shrinkage in ways
    }


def _name(weights: str, temperature: float | None, chroma: float | None, shrinkage: float | None) -> str:
    written = (("T ", temperature), ("× ", chroma), ("S ", shrinkage))
    return ", ".join((weights, *(f"{sign}{value:g}" for sign, value in written if value is not None)))


def prior_of(weights: Sequence[NamedWeights]) -> Tensor:
    """Return p̃ ``(313,)`` of the photos that the first weights learned from, or the bundled ones did."""
    known = [named.path for named in weights if named.path.suffix == ".safetensors"]
    return read_prior(known[0] if known else BUNDLED_WEIGHTS)
