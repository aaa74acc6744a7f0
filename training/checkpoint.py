"""Checkpoints: everything a run needs to go on as if it had never stopped."""

import dataclasses
import io
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from training.recipe import Recipe

NAME = "checkpoint.pt"
_PIECES = f"{NAME}.[0-9][0-9]"


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
        """Write atomically, so that a run killed while saving still has the checkpoint before.

        Raises:
            CheckpointError: the folder's disk is full, or doesn't let itself be written.

        """
        partial = folder / f"{NAME}.partial"
        try:
            torch.save(self._state(), partial)
        except (OSError, RuntimeError) as error:
            partial.unlink(missing_ok=True)
            raise CheckpointError(
                f"the checkpoint of step {self.step} can't be written to {folder}, perhaps for want of room; "
                "make some, and go on from the one before with --resume"
            ) from error
        partial.replace(folder / NAME)

    def save_pieces(self, folder: Path, size: int) -> list[Path]:
        """Write files of at most ``size`` bytes, to carry a run to another machine; return them.

        The optimiser's moments are rounded to bfloat16, which makes a third less to carry; a run that goes on from
        there takes nearly, not exactly, the same course.
        """
        moments = {
            index: {name: tensor.bfloat16() if tensor.ndim else tensor for name, tensor in state.items()}
            for index, state in self.optimizer["state"].items()
        }
        whole = io.BytesIO()
        torch.save(dataclasses.replace(self, optimizer={**self.optimizer, "state": moments})._state(), whole)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(_PIECES):
            old.unlink()
        data = whole.getbuffer()
        pieces = []
        for number, start in enumerate(range(0, len(data), size)):
            pieces.append(folder / f"{NAME}.{number:02d}")
            pieces[-1].write_bytes(data[start : start + size])
        return pieces

    def _state(self) -> dict[str, Any]:
        return {**self.__dict__, "recipe": self.recipe.model_dump()}


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read the checkpoint of a run's folder, whole or in pieces.

    Raises:
        CheckpointError: there is none, pieces are missing, or it is something else.

    """
    path, pieces = _files(folder)
    if not path.exists() and not pieces:
        raise CheckpointError(f"{folder} holds no {NAME} yet; a run's first start is one without --resume")
    source = path if path.exists() else io.BytesIO(b"".join(piece.read_bytes() for piece in pieces))
    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError) as error:
        raise CheckpointError(f"the checkpoint in {folder} is broken, or not all of its pieces are there") from error
    try:
        return Checkpoint(**{**state, "recipe": Recipe.model_validate(state["recipe"])})
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the checkpoint in {folder} is not one of this version of the program") from error


def holds_checkpoint(folder: Path) -> bool:
    """Whether a run has saved in this folder, or was carried there."""
    path, pieces = _files(folder)
    return path.exists() or bool(pieces)


def _files(folder: Path) -> tuple[Path, list[Path]]:
    return folder / NAME, sorted(folder.glob(_PIECES))


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
