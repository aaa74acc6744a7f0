import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.model.color import gray_from_lightness, lab_from_srgb, srgb_from_lab


def _pixel(*channels: float) -> torch.Tensor:
    return torch.tensor(channels).view(3, 1, 1)


def test_known_colours_have_their_textbook_lab() -> None:
    # Values of Lindbloom's calculator (D65, 2°).
    for srgb, lab in [
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 1, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
        ((1, 1, 1), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
    ]:
        torch.testing.assert_close(lab_from_srgb(_pixel(*srgb)), _pixel(*lab).float(), atol=0.05, rtol=0)


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
def test_lab_and_back_is_the_same_colour(channels: list[float]) -> None:
    srgb = _pixel(*channels)
    torch.testing.assert_close(srgb_from_lab(lab_from_srgb(srgb)), srgb, atol=2e-4, rtol=0)


def test_gray_of_a_lightness_has_that_lightness() -> None:
    lightness = torch.linspace(0, 100, 201).view(1, 1, -1)
    gray = gray_from_lightness(lightness)
    lab = lab_from_srgb(gray.expand(3, 1, -1))
    torch.testing.assert_close(lab[:1], lightness, atol=1e-3, rtol=0)
    assert lab[1:].abs().max() < 0.01
