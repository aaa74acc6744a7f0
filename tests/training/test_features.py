import pytest
import torch

from training.baselines import Colored, gray, half_saturated, truth
from training.features import (
    choose_judge,
    class_names,
    frechet_distance,
    kernel_distance,
    load_judge,
)
from training.metrics import Comparison


def _features(count: int, width: int, seed: int) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("count", "width"), [(400, 6), (20, 40)])
def test_frechet_distance_is_the_formula_with_a_matrix_root(count: int, width: int) -> None:
    first, second = _features(count, width, 0), 1.5 * _features(count, width, 1) + 0.3
    covariances = [torch.cov(features.T.double()) for features in (first, second)]
    # The eigenvalues of a product of two covariances are real and not negative.
    roots = torch.linalg.eigvals(covariances[0] @ covariances[1]).real.clamp_min(0).sqrt()
    expected = (first.double().mean(0) - second.double().mean(0)).square().sum() + sum(
        covariance.trace() for covariance in covariances
    )
    assert frechet_distance(first, second) == pytest.approx(float(expected - 2 * roots.sum()), rel=1e-3)


def test_equal_features_are_no_distance_apart() -> None:
    features = _features(60, 8, 2)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert kernel_distance(features, features) == pytest.approx(0, abs=1e-9)


def test_kernel_distance_is_the_mean_over_pairs_of_different_photos() -> None:
    first, second = _features(5, 3, 3), _features(5, 3, 4) + 1

    def kernel(x: torch.Tensor, y: torch.Tensor) -> float:
        return float((x @ y / 3 + 1) ** 3)

    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    terms = [
        kernel(first[i], first[j]) + kernel(second[i], second[j]) - 2 * kernel(first[i], second[j]) for i, j in pairs
    ]
    assert kernel_distance(first, second) == pytest.approx(1000 * sum(terms) / len(terms), rel=1e-4)


def _colored_photos(count: int = 40) -> Colored:
    """Blobs of strong colours: something that a network's features tell from gray."""
    chance = torch.Generator().manual_seed(5)
    coarse = torch.randint(0, 256, (count, 3, 5, 5), generator=chance).float()
    return Colored.from_pixels(torch.nn.functional.interpolate(coarse, size=64, mode="bicubic").clamp(0, 255))


def test_distances_order_gray_half_saturated_truth() -> None:
    judge, photos = load_judge("lite2", torch.device("cpu")), _colored_photos()
    verdicts = [
        judge(Comparison.of(photos.lightness, predict(photos), photos.ab).drawn)
        for predict in (gray, half_saturated, truth)
    ]
    for distance in (frechet_distance, kernel_distance):
        far, nearer, none = (distance(verdicts[-1].features, drawn.features) for drawn in verdicts)
        assert far > 1.3 * nearer > 0
        assert none == pytest.approx(0, abs=1e-6)


def test_a_network_is_not_judged_by_its_own_encoder() -> None:
    assert choose_judge(["lite0", ""]) == "lite2"
    assert choose_judge(["lite2"]) == "lite0"
    with pytest.raises(ValueError, match="impartial"):
        choose_judge(["lite0", "lite2"])


def test_the_judge_has_words_for_its_answers() -> None:
    names = class_names()
    assert len(names) == 1000
    assert names[1] == "goldfish"
