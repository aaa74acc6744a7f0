"""A training run's settings: one TOML file per recipe, every value overridable on the command line."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from inference.model.topdown import WIDTHS

RECIPES = Path(__file__).parent / "recipes"


class RecipeError(Exception):
    """The recipe can't be used; the message says which value and why."""


class Recipe(BaseModel):
    """Everything that decides what a run computes; saved in its checkpoints and in the exported weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["topdown", "eccv16"] = "topdown"
    encoder: Literal["lite0", "lite1", "lite2", "lite3", "lite4"] = "lite0"
    widths: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(
        WIDTHS, description="channels of the decoder at strides 4, 8, 16 and 32"
    )
    start_from: str = Field(
        "",
        description="weights to begin with in place of ImageNet's or random ones: 'bundled', a .safetensors file, or "
        "the folder of a run",
    )
    freeze: Literal["none", "trunk", "encoder", "all-but-hints"] = Field(
        "none", description="part that keeps its weights; the trunk is the encoder up to stride 8"
    )
    hints: float = Field(
        0.0, ge=0, le=1, description="share of photos shown with simulated colour hints; above 0 the network takes them"
    )

    objective: Literal["l2", "classification", "rebalanced", "default"] = Field(
        "rebalanced", description="the paper's three; default is rebalanced + huber + gradient, below"
    )
    rebalancing: float = Field(
        0.5,
        gt=0,
        le=1,
        description="the paper's λ: share of the uniform distribution in the prior; 1 rebalances nothing",
    )
    huber: float = Field(1.0, ge=0, description="weight of the Huber loss on the decoded ab; default objective only")
    gradient: float = Field(0.5, ge=0, description="weight of the loss on gradients of ab; default objective only")
    temperature: float = Field(
        0.38, gt=0, description="the paper's T, which the default objective and validation decode with"
    )
    target_chroma: float = Field(1.0, ge=1, le=1.5, description="factor on the true ab, to learn stronger colour")

    side: int = Field(
        160, ge=64, multiple_of=32, description="photos are kept and shown to the network at this side, pixels"
    )
    smallest_crop: float = Field(0.75, gt=0, le=1, description="smallest random crop, as a share of the photo's side")
    augment: bool = Field(True, description="vary the luminance as old photos do")
    positions: int = Field(
        400, ge=1, description="positions of the logits that the loss reads in each photo, at random"
    )
    patch: int = Field(1, ge=1, le=16, description="side of the patches that these positions come in")
    visits: int = Field(360_000, ge=1, description="photos shown in all, repeats counted")
    batch: int = Field(64, ge=1, description="photos a step, over all processes")
    lots: int = Field(
        1,
        ge=1,
        description="parts of a batch with batch norms and random views of their own, one after the other or shared "
        "out among processes",
    )

    solver: Literal["adamw", "adam"] = Field(
        "adamw", description="adam adds weight_decay to the gradient, as Caffe does"
    )
    schedule: Literal["cosine", "steps"] = "cosine"
    drops: tuple[tuple[int, float], ...] = Field(
        (), description="with schedule = 'steps': from which step on which share of the rate"
    )
    learning_rate: float = Field(
        2e-3, gt=0, description="peak rate of the decoder, or of the whole network without one"
    )
    encoder_learning_rate: float = Field(2e-4, ge=0, description="peak rate of the pretrained encoder")
    weight_decay: float = Field(0.02, ge=0)
    warmup: float = Field(0.03, ge=0, lt=1, description="share of the run in which the rate rises")
    clip: float = Field(1.0, gt=0, description="largest norm of the gradient")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the average of the weights, a step; 0 for none")
    bf16: bool = True
    compile: bool = Field(False, description="compile the network; the first steps take a minute or two longer")
    save_every: int = Field(200, ge=1, description="steps between checkpoints")
    save_seconds: float = Field(120.0, gt=0, description="longest time between checkpoints")
    seed: int = 2016
    set_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="how often photos of a set are drawn, 1 if unnamed"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.batch % self.lots:
            raise ValueError(f"batch ({self.batch}) must be a multiple of lots ({self.lots})")
        if self.objective == "default" and self.gradient and self.patch < 2:
            raise ValueError("the gradient loss reads neighbours: set patch to 2 or more, or gradient to 0")
        if self.network != "topdown" and (self.hints or self.freeze != "none"):
            raise ValueError("only the network 'topdown' takes hints or has an encoder to freeze")
        if self.freeze == "all-but-hints" and not self.hints:
            raise ValueError("with freeze = 'all-but-hints' there must be hints to learn: set hints above 0")
        return self

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return -(-self.visits // self.batch)


def load_recipe(name_or_path: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe by the name of a bundled one or by its path, and apply overrides.

    Raises:
        RecipeError: the file does not exist, is no TOML, or holds a value that does not fit.

    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = RECIPES / f"{name_or_path}.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(recipe.stem for recipe in RECIPES.glob("*.toml")))
        raise RecipeError(f"there is no recipe {name_or_path!r}; bundled ones: {known}") from None
    except ValueError as error:  # no TOML, or no text at all
        raise RecipeError(f"{path}: {error}") from error
    return checked_recipe({**values, **(overrides or {})})


def checked_recipe(values: Mapping[str, Any]) -> Recipe:
    """Make a recipe of its values.

    Raises:
        RecipeError: a value does not fit.

    """
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError("; ".join(_complaint(dict(each)) for each in error.errors())) from error


def _complaint(error: dict[str, Any]) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return message
    given = "" if error["type"] in {"missing", "extra_forbidden"} else f", not {error['input']!r}"
    return f"{'.'.join(map(str, error['loc']))}: {message}{given}"


def overrides_of(assignments: Sequence[str]) -> dict[str, Any]:
    """Split ``NAME=VALUE`` of a command line; values are written as in a recipe, text without quotes.

    Raises:
        RecipeError: there is no such value.

    """
    pairs = [assignment.partition("=") for assignment in assignments]
    for name, separator, _ in pairs:
        if not separator or name not in Recipe.model_fields:
            raise RecipeError(f"--set wants NAME=VALUE with a name that --help lists, not {name!r}")
    return {name: _value(text) for name, _, text in pairs}


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
