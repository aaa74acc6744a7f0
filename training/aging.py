"""Makes photographs look old, in their lightness alone: what a hundred years and a scanner do, on a batch at once.

Every random choice comes from a generator on the CPU, so that photos age alike on every device; the textures (grain,
dust, scratches) are windows of large tiles that are made once.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from inference.model.color import gray_from_lightness, lab_from_srgb, linear_from_srgb, srgb_from_linear
from training.sheets import tile
from training.textures import DUST, SCRATCHES, damage_tiles, grain_tiles

_EXPOSED = 0.5
_ON_OLD_PLATES = 0.1
_AGED = 0.5
_LARGEST_BLUR = 3  # pixels on either side
_PADDING = {2: (0, 0, _LARGEST_BLUR, _LARGEST_BLUR), 3: (_LARGEST_BLUR, _LARGEST_BLUR, 0, 0)}
# What red, green and blue light leave on a plate: Y, and an orthochromatic emulsion, which is blind to red.
_LUMINANCE = (0.212671, 0.715160, 0.072169)
_ORTHOCHROMATIC = (0.02, 0.48, 0.50)


class Chance:
    """Random numbers for photos, drawn on the CPU and sent to ``device``."""

    def __init__(self, generator: torch.Generator, device: torch.device) -> None:
        self._generator = generator
        self._device = device

    def some(self, count: int, share: float) -> Tensor:
        """Choose each of ``count`` photos with probability ``share``: their indices, int64, on the CPU."""
        return (torch.rand(count, generator=self._generator) < share).nonzero()[:, 0]

    def uniform(self, count: int, low: float, high: float) -> Tensor:
        """Draw a number in [low, high) a photo: float32 ``(N, 1, 1, 1)``."""
        return (low + (high - low) * torch.rand(count, 1, 1, 1, generator=self._generator)).to(self._device)

    def normal(self, *shape: int) -> Tensor:
        """Draw from the standard normal distribution, float32."""
        return torch.randn(shape, generator=self._generator).to(self._device)

    def windows(self, tiles: Tensor, count: int, side: int) -> Tensor:
        """Cut a window out of one of the tiles ``(K, T, T)`` for each photo, flipped at random: ``(N, 1, S, S)``."""
        size = tiles.shape[-1]
        layer = torch.randint(len(tiles), (count, 1, 1), generator=self._generator)
        start = torch.randint(size, (2, count, 1), generator=self._generator)
        direction = 2 * torch.randint(2, (2, count, 1), generator=self._generator) - 1
        rows, columns = ((start + direction * torch.arange(side)) % size).to(self._device)
        return tiles[layer.to(self._device), rows[:, :, None], columns[:, None, :]][:, None]


Effect = Callable[[Tensor, Chance], Tensor]
"""Levels ``(N, 1, S, S)`` in [0, 1] to levels of the same shape, which may leave [0, 1]."""


def age(lightness: Tensor, srgb: Tensor, generator: torch.Generator) -> Tensor:
    """Age photos: half of them by some of :data:`EFFECTS`; half vary in exposure. More than a fifth stays as it is.

    Args:
        lightness: L ``(N, 1, S, S)`` in [0, 100].
        srgb: the same photos in colour, ``(N, 3, S, S)`` in [0, 1].
        generator: lives on the CPU.

    """
    chance = Chance(generator, lightness.device)
    x = lightness.clamp(0, 100) / 100
    on_plates = chance.some(len(x), _ON_OLD_PLATES)
    if len(on_plates):
        places = on_plates.to(x.device)
        x = x.index_copy(0, places, old_plate(srgb[places], chance))
    x = _on_some(exposure, chance.some(len(x), _EXPOSED), x, chance)
    aged = chance.some(len(x), _AGED)
    for effect, share in EFFECTS.items():
        chosen = aged[chance.some(len(aged), share)]
        x = _on_some(effect, chosen, x, chance)
    return x * 100


def old_plate(srgb: Tensor, chance: Chance) -> Tensor:
    """Take photos ``(N, 3, S, S)`` on a plate more or less blind to red, as before the 1920s: levels ``(N, 1, S, S)``.

    Skies turn white, lips and bricks dark.
    """
    usual, blind = torch.tensor((_LUMINANCE, _ORTHOCHROMATIC), device=srgb.device)[:, :, None, None]
    seen = torch.lerp(usual, blind, chance.uniform(len(srgb), 0.4, 1))
    exposed = (linear_from_srgb(srgb) * seen).sum(1, keepdim=True)
    return lab_from_srgb(srgb_from_linear(exposed).expand(-1, 3, -1, -1))[:, :1].clamp(0, 100) / 100


def exposure(x: Tensor, chance: Chance) -> Tensor:
    """Vary gamma and contrast."""
    curved = x.clamp_min(1e-4) ** chance.uniform(len(x), 0.7, 1.4)
    mean = curved.mean((2, 3), keepdim=True)
    return mean + (curved - mean) * chance.uniform(len(x), 0.7, 1.25)


def blur(x: Tensor, chance: Chance) -> Tensor:
    """Look through an old lens: a Gaussian of up to 1.2 pixels."""
    sigma = chance.uniform(len(x), 0.4, 1.2)
    offsets = torch.arange(-_LARGEST_BLUR, _LARGEST_BLUR + 1, device=x.device)
    kernel = torch.exp(-((offsets / sigma) ** 2) / 2)
    kernel = kernel / kernel.sum(-1, keepdim=True)
    # Sums of shifted photos rather than convolutions, which a GPU would tune anew for every number of photos.
    for dimension in (2, 3):
        side = x.shape[dimension]
        padded = F.pad(x, _PADDING[dimension], mode="replicate")
        x = torch.zeros_like(x)
        for start in range(len(offsets)):
            x = x.addcmul(kernel[..., start : start + 1], padded.narrow(dimension, start, side))
    return x


def vignette(x: Tensor, chance: Chance) -> Tensor:
    """Darken the edges as a lens does, or bleach them as light does to a print."""
    line = torch.linspace(-1, 1, x.shape[-1], device=x.device)
    across = (line - chance.uniform(len(x), -0.3, 0.3)) ** 2
    down = (line[:, None] - chance.uniform(len(x), -0.3, 0.3)) ** 2
    strength = chance.uniform(len(x), -0.3, 0.6) * ((across + down) / 2).clamp_max(1.5)
    return torch.where(strength > 0, x * (1 - strength), x - strength * (1 - x))


def grain(x: Tensor, chance: Chance) -> Tensor:
    """Add the clumped grain of a fast film, strongest in the middle tones."""
    clumps = chance.windows(grain_tiles(x.device)[1:], len(x), x.shape[-1])
    visible = 0.3 + 2.8 * x * (1 - x)
    return x + clumps * visible * chance.uniform(len(x), 0.005, 0.045)


def stains(x: Tensor, chance: Chance) -> Tensor:
    """Fade unevenly: large soft patches that are lighter or darker."""
    field = F.interpolate(chance.normal(len(x), 1, 5, 5), size=x.shape[-2:], mode="bicubic", align_corners=False)
    return x + field * chance.uniform(len(x), 0.01, 0.06)


def fading(x: Tensor, chance: Chance) -> Tensor:
    """Lose the deepest blacks and the brightest whites."""
    black, white = chance.uniform(len(x), 0, 0.3), chance.uniform(len(x), 0.7, 1)
    return black + (white - black) * x


def dust(x: Tensor, chance: Chance) -> Tensor:
    """Strew specks and hairs over the photo, all light or all dark."""
    return _overlaid(x, DUST, chance)


def scratches(x: Tensor, chance: Chance) -> Tensor:
    """Scratch and crack the photo, with light or dark lines."""
    return _overlaid(x, SCRATCHES, chance)


def noise(x: Tensor, chance: Chance) -> Tensor:
    """Add the noise of a scanner or a cheap camera."""
    return x + chance.windows(grain_tiles(x.device)[:1], len(x), x.shape[-1]) * chance.uniform(len(x), 0, 0.04)


def jpeg(x: Tensor, chance: Chance) -> Tensor:
    """Quantise the cosine transform of 8 × 8 blocks as a JPEG of quality 20 to 75 does (ITU-T T.81, table K.1)."""
    count, side = len(x), x.shape[-1]
    quality = chance.uniform(count, 20, 75).floor()
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    steps = ((_LUMINANCE_STEPS.to(x.device) * scale + 50) / 100).floor().clamp(1, 255)
    over = -side % 8
    padded = F.pad(x, (0, over, 0, over), mode="replicate") * 255 - 128
    across = padded.shape[-1] // 8
    blocks = padded.reshape(count, across, 8, across, 8).transpose(2, 3).reshape(count, 1, -1, 64)
    transform = _COSINES.to(x.device)
    kept = torch.round(blocks @ transform.T / steps) * steps @ transform
    joined = kept.reshape(count, across, across, 8, 8).transpose(2, 3).reshape(padded.shape)
    return ((joined + 128) / 255)[..., :side, :side]


EFFECTS: dict[Effect, float] = {
    blur: 0.4,
    vignette: 0.3,
    grain: 0.6,
    stains: 0.25,
    fading: 0.4,
    dust: 0.25,
    scratches: 0.2,
    noise: 0.2,
    jpeg: 0.3,
}
"""What befalls an aged photo, in this order, each with its probability."""


def aged_sheet(pixels: Tensor, generator: torch.Generator, versions: int = 5) -> Tensor:
    """Show uint8 photos ``(N, 3, S, S)`` in gray and beside it as training might: a sheet ``(3, H, W)``, a row each."""
    srgb = pixels.cpu().float() / 255
    lightness = lab_from_srgb(srgb)[:, :1]
    columns = [lightness, *(age(lightness, srgb, generator) for _ in range(versions))]
    grays = gray_from_lightness(torch.stack(columns, 1).flatten(0, 1))
    return tile(grays.expand(-1, 3, -1, -1), columns=len(columns))


def _on_some(effect: Effect, chosen: Tensor, x: Tensor, chance: Chance) -> Tensor:
    if not len(chosen):
        return x
    places = chosen.to(x.device)
    return x.index_copy(0, places, effect(x[places], chance).clamp(0, 1))


def _overlaid(x: Tensor, layer: int, chance: Chance) -> Tensor:
    mask = chance.windows(damage_tiles(x.device)[layer : layer + 1], len(x), x.shape[-1])
    tone = torch.where(chance.uniform(len(x), 0, 1) < 0.65, 1.0, 0.0)
    return torch.lerp(x, tone, mask * chance.uniform(len(x), 0.3, 1))


def _cosines() -> Tensor:
    """The orthonormal cosine transform of flattened 8 × 8 blocks, ``(64, 64)``."""
    k = torch.arange(8.0)
    line = torch.cos((2 * k + 1) * k[:, None] * torch.pi / 16) / 2
    line[0] /= 2**0.5
    return torch.kron(line, line)


_COSINES = _cosines()
# fmt: off
_LUMINANCE_STEPS = torch.tensor([
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
])
# fmt: on
