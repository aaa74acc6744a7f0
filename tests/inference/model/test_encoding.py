import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.model.bins import BINS, ab_bins
from inference.model.encoding import (
    NEIGHBOURS,
    SIGMA,
    ab_histogram,
    annealed_mean,
    rebalancing_weights,
    shrunk_mean,
    smoothed_prior,
    soft_encoder,
)


@given(st.integers(-80, 90), st.integers(-100, 90))
def test_soft_encoding_is_the_gaussian_over_the_nearest_bins(a: int, b: int) -> None:
    ab = torch.tensor([a, b], dtype=torch.float32)
    bins, Z = (table[0, 0, 0] for table in soft_encoder()(ab.view(1, 2, 1, 1)))

    distances = (ab_bins() - ab).square().sum(1)
    expected = distances.sort().values[:NEIGHBOURS]
    torch.testing.assert_close(distances[bins], expected)
    gaussian = torch.exp(-expected / (2 * SIGMA**2))
    if gaussian.sum() > 1e-6:  # inside the gamut; outside, the formula underflows where the table must not
        torch.testing.assert_close(Z, gaussian / gaussian.sum(), atol=1e-5, rtol=1e-4)
    assert Z.sum().item() == pytest.approx(1, abs=1e-5)


def test_decoding_a_soft_encoding_returns_the_colour() -> None:
    ab = torch.tensor([[12.0, -8.0], [-33.0, 41.0], [4.0, 4.0]]).T.reshape(1, 2, 1, 3)
    bins, Z = soft_encoder()(ab)
    logits = torch.full((1, 1, 3, BINS), -1e4).scatter(-1, bins, Z.log()).permute(0, 3, 1, 2)
    decoded = annealed_mean(logits, temperature=1.0)
    assert (decoded - ab).abs().max() < 2.5  # five bins don't surround every colour evenly


def test_temperature_moves_from_the_mean_to_the_mode() -> None:
    logits = torch.full((1, BINS, 1, 1), -1e4)
    mode, other = 100, 200
    logits[0, mode] = 1.0
    logits[0, other] = 0.0
    mean = annealed_mean(logits, 1.0)[0, :, 0, 0]
    annealed = annealed_mean(logits, 0.38)[0, :, 0, 0]
    cold = annealed_mean(logits, 0.01)[0, :, 0, 0]
    centre = ab_bins()[mode]
    assert (mean - centre).norm() > (annealed - centre).norm() > (cold - centre).norm()
    torch.testing.assert_close(cold, centre, atol=1e-3, rtol=0)


def test_a_guess_is_muted_and_certainty_is_not() -> None:
    spread = 20.0
    ab = ab_bins()
    one = 100
    far = int((ab - ab[one]).norm(dim=1).argmax())
    logits = torch.full((1, BINS, 1, 2), -1e4)
    logits[0, one] = 0.0
    logits[0, far, 0, 1] = -1.0  # at the second position, another colour may be true as well
    certain, torn = shrunk_mean(logits, 0.6, spread)[0, :, 0].T
    mean = annealed_mean(logits, 0.6)[0, :, 0].T
    torch.testing.assert_close(certain, mean[0], atol=1e-3, rtol=0)
    share = torch.tensor([0.0, -1.0]).div(0.6).softmax(0)
    variance = share[0] * share[1] * (ab[one] - ab[far]).square().sum()
    torch.testing.assert_close(torn, mean[1] * spread**2 / (spread**2 + variance), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(shrunk_mean(logits, 0.6, math.inf)[0, :, 0].T, mean, atol=1e-3, rtol=0)


def test_prior_is_a_smoothed_distribution() -> None:
    ab = torch.zeros(1, 2, 10, 10)
    ab[:, 0] = 20
    prior = smoothed_prior(ab_histogram(ab))
    assert prior.shape == (BINS,)
    assert prior.sum().item() == pytest.approx(1, abs=1e-5)
    assert ab_bins()[prior.argmax()].tolist() == [20, 0]
    at = {tuple(centre): share for centre, share in zip(ab_bins().tolist(), prior.tolist(), strict=True)}
    # One grid step off the peak a Gaussian of sigma 5 has fallen to exp(-2).
    assert at[30.0, 0.0] / at[20.0, 0.0] == pytest.approx(2.718281828**-2, rel=0.02)


def test_rebalancing_favours_rare_colours_and_keeps_the_mean_weight() -> None:
    prior = torch.softmax(torch.randn(BINS, generator=torch.Generator().manual_seed(1)), 0)
    w = rebalancing_weights(prior, 0.5)
    assert (prior * w).sum().item() == pytest.approx(1, abs=1e-5)
    assert w[prior.argmin()] > 1 > w[prior.argmax()]
    torch.testing.assert_close(rebalancing_weights(prior, 1.0), torch.ones(BINS), atol=1e-4, rtol=0)


@pytest.mark.parametrize("table", [ab_bins, soft_encoder])
def test_tables_first_built_while_predicting_do_for_training(table: Any) -> None:
    table.cache_clear()
    with torch.inference_mode():
        built = table()
    tensors = [built] if isinstance(built, torch.Tensor) else [built.indices, built.weights]
    assert not any(tensor.is_inference() for tensor in tensors)
