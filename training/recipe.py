"""A training run's settings: one TOML file per recipe, every value overridable on the command line."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

RECIPES = Path(__file__).parent / "recipes"


class RecipeError(Exception):
    """The recipe can't be used; the message says which value and why."""


class Recipe(BaseModel):
    """Everything that decides what a run computes; saved in its checkpoints and in the exported weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["topdown", "eccv16"] = "topdown"
    encoder: Literal["lite0", "lite1", "lite2", "lite3", "lite4"] = "lite0"
    freeze: Literal["none", "trunk", "encoder"] = Field(
        "none", description="part of the encoder that keeps its ImageNet weights; the trunk ends at stride 8"
    )
    objective: Literal["l2", "classification", "rebalanced"] = "rebalanced"
    rebalancing: float = Field(
        0.5, ge=0, le=1, description="the paper's λ: share of the uniform distribution in the prior"
    )
    side: int = Field(
        160, ge=64, multiple_of=32, description="photos are kept and shown to the network at this side, pixels"
    )
    smallest_crop: float = Field(0.75, gt=0, le=1, description="smallest random crop, as a share of the photo's side")
    augment: bool = Field(True, description="vary the luminance: gamma, contrast, blur, grain")
    positions: int = Field(
        400, ge=1, description="positions of the logits that the loss reads in each photo, at random"
    )
    visits: int = Field(360_000, ge=1, description="photos shown in all, repeats counted")
    batch: int = Field(64, ge=1)
    learning_rate: float = Field(
        2e-3, gt=0, description="peak rate of the decoder, or of the whole network without one"
    )
    encoder_learning_rate: float = Field(2e-4, ge=0, description="peak rate of the pretrained encoder")
    weight_decay: float = Field(0.02, ge=0)
    warmup: float = Field(0.03, ge=0, lt=1, description="share of the run in which the rate rises")
    clip: float = Field(1.0, gt=0, description="largest norm of the gradient")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the average of the weights, a step")
    bf16: bool = True
    save_every: int = Field(200, ge=1, description="steps between checkpoints")
    seed: int = 2016
    set_weights: dict[str, float] = Field(
        default_factory=dict, description="how often photos of a set are drawn, 1 if unnamed"
    )

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
        return Recipe.model_validate({**values, **(overrides or {})})
    except FileNotFoundError:
        known = ", ".join(sorted(recipe.stem for recipe in RECIPES.glob("*.toml")))
        raise RecipeError(f"there is no recipe {name_or_path!r}; bundled ones: {known}") from None
    except ValueError as error:  # TOML syntax and pydantic's validation both
        raise RecipeError(f"{path}: {error}") from error
