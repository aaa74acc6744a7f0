import pytest
import torch

from inference.model.color import srgb_from_lab
from inference.model.encoding import soft_encoder
from training.metrics import Scorer, colorfulness, psnr, ssim


def _uniform_prior() -> torch.Tensor:
    return torch.full((313,), 1 / 313)


def test_auc_is_the_area_under_the_accuracy_curve() -> None:
    chance = torch.Generator().manual_seed(0)
    true = torch.rand(3, 2, 8, 8, generator=chance) * 100 - 50
    predicted = true + torch.randn(true.shape, generator=chance) * 30
    scorer = Scorer(_uniform_prior())
    for index in range(3):
        scorer.add(torch.full((1, 1, 8, 8), 50.0), predicted[index : index + 1], true[index : index + 1])
    distance = (predicted - true).square().sum(1).sqrt()
    thresholds = torch.linspace(0, 150, 3001)
    curve = torch.stack([(distance <= threshold).float().mean() for threshold in thresholds])
    assert scorer.scores().auc == pytest.approx(100 * torch.trapezoid(curve, thresholds).item() / 150, abs=0.05)
    assert scorer.scores().photos == 3


def test_rebalancing_counts_rare_colours_more() -> None:
    prior = torch.full((313,), 1e-3)
    true = torch.zeros(1, 2, 1, 4)
    true[0, 0, 0, 3] = 60.0  # one red pixel among grays
    prior[soft_encoder().nearest(true)[0, 0, 0]] = 0.7
    scorer = Scorer(prior / prior.sum())
    scorer.add(torch.full((1, 1, 1, 4), 50.0), torch.zeros_like(true), true)
    scores = scorer.scores()
    assert scores.auc == pytest.approx(100 * (1 - 60 / 150 / 4), abs=0.01)
    assert scores.rebalanced_auc == pytest.approx(100 * (1 - 60 / 150), abs=1)


def test_a_perfect_prediction_scores_the_maximum() -> None:
    ab = torch.rand(2, 2, 8, 8) * 40 - 20
    scorer = Scorer(_uniform_prior())
    scorer.add(torch.full((2, 1, 8, 8), 60.0), ab, ab)
    scores = scorer.scores()
    assert scores.auc == scores.rebalanced_auc == pytest.approx(100)
    assert scores.psnr == pytest.approx(60)
    assert scores.ssim == pytest.approx(1)
    assert scores.colorfulness_error == pytest.approx(0)


def test_colourfulness_errors_do_not_cancel() -> None:
    true = torch.rand(2, 2, 16, 16) * 40 - 20
    predicted = torch.stack((true[0] * 0.5, true[1] * 1.5))
    scorer = Scorer(_uniform_prior())
    scorer.add(torch.full((2, 1, 16, 16), 60.0), predicted, true)
    scorer.add(torch.full((1, 1, 16, 16), 60.0), true[:1], true[:1])
    assert scorer.scores().colorfulness_error > 3
    each = scorer.auc_of_each()
    assert each.shape == (3,)
    assert each[2] == pytest.approx(100)
    assert each.mean().item() == pytest.approx(scorer.scores().auc)


def test_nothing_scored_is_an_error() -> None:
    with pytest.raises(ValueError, match="no photos"):
        Scorer(_uniform_prior()).scores()


def test_psnr_of_a_known_error() -> None:
    photo = torch.full((1, 3, 4, 4), 0.5)
    assert psnr(photo, photo + 0.1).item() == pytest.approx(20, abs=1e-3)


def test_ssim_agrees_with_its_definition_in_every_window() -> None:
    chance = torch.Generator().manual_seed(4)
    truth = torch.rand(1, 3, 14, 13, generator=chance)
    drawn = (truth + 0.1 * torch.randn(truth.shape, generator=chance)).clamp(0, 1)
    offsets = torch.arange(-5.0, 6)
    window = torch.exp(-offsets.square() / 4.5)
    window = torch.outer(window, window) / window.sum() ** 2
    values = []
    for top in range(4):
        for left in range(3):
            x, y = (photo[0, :, top : top + 11, left : left + 11] for photo in (drawn, truth))
            mean_x, mean_y = (x * window).sum((1, 2)), (y * window).sum((1, 2))
            dx, dy = x - mean_x[:, None, None], y - mean_y[:, None, None]
            xx, yy, xy = ((product * window).sum((1, 2)) for product in (dx * dx, dy * dy, dx * dy))
            means = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
            values.append(means * (2 * xy + 0.03**2) / (xx + yy + 0.03**2))
    assert ssim(drawn, truth).item() == pytest.approx(torch.stack(values).mean().item(), abs=1e-4)


def test_colorfulness_grows_with_saturation_and_is_zero_for_gray() -> None:
    lightness = torch.full((1, 1, 16, 16), 60.0)
    hues = torch.linspace(-1, 1, 16).expand(1, 2, 16, 16).clone()
    hues[:, 1] = hues[:, 0].transpose(1, 2)
    values = [colorfulness(srgb_from_lab(torch.cat((lightness, hues * chroma), 1))).item() for chroma in (0, 15, 30)]
    assert values[0] == pytest.approx(0, abs=0.05)
    assert values[0] < values[1] < values[2]
