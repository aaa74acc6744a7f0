import threading

import pytest
import torch

from inference.model.one_thread_each import Team


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> int:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("photos", [1, 2, 7, 29])
def test_pieces_are_joined_in_order(threads: int, photos: int) -> None:
    batch = torch.arange(photos)[:, None]
    other = 100 * batch
    assert torch.equal(Team().map(lambda a, b: a + b, batch, other), 101 * batch)


def test_a_missing_batch_is_missing_for_every_piece(threads: int) -> None:
    def run(batch: torch.Tensor, missing: None) -> torch.Tensor:
        assert missing is None
        return batch

    batch = torch.arange(9)
    assert torch.equal(Team().map(run, batch, None), batch)


def test_photos_are_side_by_side_each_on_one_thread(threads: int) -> None:
    together = threading.Barrier(threads)  # breaks unless all pieces run at once

    def run(batch: torch.Tensor) -> torch.Tensor:
        together.wait(timeout=20)
        return torch.full_like(batch, torch.get_num_threads())

    assert torch.equal(Team().map(run, torch.zeros(threads)), torch.ones(threads))


def test_the_callers_threads_stay(threads: int) -> None:
    Team().map(lambda batch: batch, torch.zeros(5))
    assert torch.get_num_threads() == threads


def test_a_changed_number_of_threads_is_followed() -> None:
    before = torch.get_num_threads()
    team = Team()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            names = set()
            gate = threading.Barrier(threads)

            def run(batch: torch.Tensor, names: set[str] = names, gate: threading.Barrier = gate) -> torch.Tensor:
                gate.wait(timeout=20)
                names.add(threading.current_thread().name)
                return batch

            team.map(run, torch.zeros(threads))
            assert len(names) == threads
    finally:
        torch.set_num_threads(before)


def test_what_fails_in_a_piece_fails_for_the_caller(threads: int) -> None:
    def run(batch: torch.Tensor) -> torch.Tensor:
        if 5 in batch:
            raise RuntimeError("not enough memory")
        return batch

    team = Team()
    with pytest.raises(RuntimeError, match="not enough memory"):
        team.map(run, torch.arange(12))
    assert len(team.map(run, torch.zeros(3))) == 3
