import math

import pytest
import torch

from training.recognition import Recognition, misled, recognition

PHOTOS = 200


def _answers(right: float) -> torch.Tensor:
    """Logits that put class 0 first on a share of the photos and class 1 on the rest, with 10 of lead."""
    logits = torch.zeros(PHOTOS, 1000)
    logits[: round(right * PHOTOS), 0] = 10
    logits[round(right * PHOTOS) :, 1] = 10
    return logits


def test_gap_closed_is_the_share_of_lost_answers_that_recoloring_brings_back() -> None:
    found = recognition(_answers(1), _answers(0.6), _answers(0.7))
    assert found.agreement == pytest.approx(0.7)
    assert found.gap_closed == pytest.approx(0.25)
    assert found.certainty_closed == pytest.approx(0.25, abs=1e-3)
    # A tenth of 200 photos came right: standard error 2.1 points of 40.
    assert 0.12 < found.gap_low < 0.2
    assert 0.3 < found.gap_high < 0.38


def test_recoloring_that_misleads_closes_less_than_nothing() -> None:
    assert recognition(_answers(1), _answers(0.6), _answers(0.5)).gap_closed == pytest.approx(-0.25)


def test_the_original_closes_all_and_gray_nothing() -> None:
    assert _shares(recognition(_answers(1), _answers(0.5), _answers(1))) == pytest.approx((1, 1, 0))
    assert _shares(recognition(_answers(1), _answers(0.5), _answers(0.5))) == pytest.approx((0, 0, 1))


def _shares(found: Recognition) -> tuple[float, float, float]:
    return found.gap_closed, found.certainty_closed, found.distance


def test_where_gray_loses_nothing_there_is_no_gap_to_close() -> None:
    assert math.isnan(recognition(_answers(1), _answers(1), _answers(0.9)).gap_closed)


def test_distance_is_of_mean_logits() -> None:
    original, chance = torch.zeros(PHOTOS, 1000), torch.Generator().manual_seed(0)
    wiggle = torch.randn(PHOTOS, 1000, generator=chance)
    wiggle -= wiggle.mean(0)
    found = recognition(original, original + 2, original + 1 + wiggle)
    assert found.distance == pytest.approx(0.25, abs=1e-4)


def test_misled_names_the_photo_that_lost_its_answer() -> None:
    drawn = _answers(1)
    drawn[7] = torch.eye(1000)[3] * 10
    by = misled(_answers(1), _answers(1), drawn)
    assert int(by.argmax()) == 7
    assert by[7] > 0.9
    assert by[8] == 0
