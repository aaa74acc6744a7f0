"""What is made while the device works."""

import threading

import pytest
import torch

from training.ahead import lots_ahead, one_ahead
from training.learner import Learner
from training.recipe import Recipe


def test_the_next_is_made_while_this_one_is_used() -> None:
    started = {step: threading.Event() for step in range(3, 7)}

    def make(step: int) -> int:
        started[step].set()
        return step * 10

    taken = []
    for step, made in one_ahead(make, range(3, 7)):
        if step < 6:
            assert started[step + 1].wait(60)
        assert step > 4 or not started[step + 2].is_set()  # one ahead, not more
        taken.append((step, made))
    assert taken == [(3, 30), (4, 40), (5, 50), (6, 60)]
    assert list(one_ahead(make, range(0))) == []


def test_an_error_ahead_comes_out_where_it_belongs() -> None:
    def make(step: int) -> int:
        if step == 2:
            raise ValueError("broken")
        return step

    steps = one_ahead(make, range(5))
    assert [next(steps), next(steps)] == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="broken"):
        next(steps)


def test_lots_made_ahead_are_those_made_in_turn() -> None:
    recipe = Recipe(side=64, batch=4, lots=2, positions=32, patch=2, hints=0.5, start_from="bundled")
    learner = Learner(recipe, torch.full((313,), 1 / 313), torch.device("cpu"))
    photos = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)

    def make(step: int) -> list[list[torch.Tensor]]:
        return [list(lot.tensors()) for lot in learner.look(photos, step)]

    for (step, made), (same, lots) in zip(
        one_ahead(make, range(3)),
        lots_ahead(lambda step: learner.look(photos, step), range(3), torch.device("cpu")),
        strict=True,
    ):
        assert step == same
        for tensors, lot in zip(made, lots, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(tensors, lot.tensors(), strict=True))
