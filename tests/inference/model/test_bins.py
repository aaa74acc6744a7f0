import torch

from inference.model.bins import BINS, GRID, ab_bins
from inference.model.color import lab_from_srgb


def test_there_are_313_bins_sorted_by_a_then_b() -> None:
    bins = ab_bins()
    assert bins.shape == (BINS, 2) == (313, 2)
    assert bins.tolist() == sorted(bins.tolist())
    assert len({tuple(centre) for centre in bins.tolist()}) == 313
    # First and last rows of the authors' table pts_in_hull.npy.
    assert bins[0].tolist() == [-90, 50]
    assert bins[-1].tolist() == [100, 0]


def test_every_srgb_colour_lies_in_the_cell_of_a_bin() -> None:
    levels = torch.linspace(0, 1, 33)
    colours = torch.cartesian_prod(levels, levels, levels).T.reshape(3, 1, -1)
    ab = lab_from_srgb(colours)[1:, 0].T
    nearest = torch.cdist(ab, ab_bins()).min(1).values
    assert nearest.max() <= GRID / 2**0.5 + 1e-3
