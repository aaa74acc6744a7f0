"""Checkpoints: everything a run needs to go on as if it had never stopped."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.recipe import Recipe

NAME = "checkpoint.pt"


class CheckpointError(Exception):
    """The checkpoint can't be used; the message says why."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after ``step`` optimiser steps."""

    recipe: Recipe
    step: int
    network: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizer: dict[str, Any]
    prior: Tensor
    revision: str
    arguments: tuple[str, ...] = ()
    """The command line of the run's last start, without the folders of its paths."""

    def save(self, folder: Path) -> None:
        """Write atomically, so that a run killed while saving still has the checkpoint before."""
        partial = folder / f"{NAME}.partial"
        torch.save({**self.__dict__, "recipe": self.recipe.model_dump()}, partial)
        partial.replace(folder / NAME)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read the checkpoint of a run's folder.

    Raises:
        CheckpointError: there is none.

    """
    path = folder / NAME
    if not path.exists():
        raise CheckpointError(f"{folder} holds no {NAME}; start the run without --resume")
    state = torch.load(path, map_location="cpu", weights_only=True)
    return Checkpoint(**{**state, "recipe": Recipe.model_validate(state["recipe"])})


def git_revision() -> str:
    """Return the revision of the source that runs.

    Outside a repository, as on a machine that got a copy of the sources, that is ``COLORIZEBOT_REVISION`` from the
    environment, or else ``unknown``.
    """
    told = os.environ.get("COLORIZEBOT_REVISION", "unknown")
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:  # git is not installed
        return told
    return answer.stdout.strip() or told
