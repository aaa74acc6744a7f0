"""Gray photos, toned prints and color photos are told apart."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from inference.imaging import Limits, decode
from inference.vocabulary import InputKind
from tests.inference.imaging.pictures import file_of, scene

GRAY = scene(300, 200, 3).convert("L")
TONES = {
    "sepia": ("#1a0f06", "#f7e7c6", "#a0774a"),
    "pale sepia": ("#201a14", "#fffaf0", "#8d8275"),
    "cyanotype": ("#04122e", "#f0f6ff", "#2e6da8"),
    "selenium": ("#140c14", "#f5eef2", "#7e6a78"),
    "yellowed paper": ("#2b2a26", "#efe6c8", "#928d7a"),
    "green toned": ("#071208", "#f0fff2", "#5a8a62"),
}


def toned(tone: str) -> Image.Image:
    black, white, middle = TONES[tone]
    return ImageOps.colorize(GRAY, black, white, middle)


@pytest.mark.parametrize("quality", [30, 60, 90])
@pytest.mark.parametrize("tone", TONES)
def test_toned_prints_are_tinted(tone: str, quality: int) -> None:
    assert decode(file_of(toned(tone), "JPEG", quality=quality), Limits()).kind is InputKind.TINTED


@pytest.mark.parametrize("tone", ["sepia", "cyanotype"])
def test_a_print_on_a_white_page_is_tinted(tone: str) -> None:
    page = ImageOps.expand(toned(tone), 25, "white")
    assert decode(file_of(page, "PNG"), Limits()).kind is InputKind.TINTED


def test_an_unevenly_faded_print_is_tinted() -> None:
    levels = np.asarray(toned("sepia")).astype(np.float32)
    gray = levels.mean(axis=2, keepdims=True)
    fading = np.linspace(0.6, 1, levels.shape[1])[None, :, None]
    faded = Image.fromarray((gray + (levels - gray) * fading).astype(np.uint8))
    assert decode(file_of(faded, "JPEG", quality=85), Limits()).kind is InputKind.TINTED


@pytest.mark.parametrize("quality", [20, 50, 75, 95])
def test_gray_saved_as_color_is_gray(quality: int) -> None:
    noise = np.random.default_rng(0).normal(0, 1.5, (200, 300, 3))
    noisy = Image.fromarray((np.asarray(GRAY)[..., None] + noise).clip(0, 255).astype(np.uint8))
    for image in (GRAY.convert("RGB"), noisy):
        assert decode(file_of(image, "JPEG", quality=quality), Limits()).kind is InputKind.GRAY


@pytest.mark.parametrize("seed", range(6))
def test_color_photos_are_color(seed: int) -> None:
    assert decode(file_of(scene(300, 200, seed), "JPEG"), Limits()).kind is InputKind.COLOR


def test_one_red_rose_in_a_gray_photo_is_color() -> None:
    rose = GRAY.convert("RGB")
    rose.paste((200, 30, 50), (120, 80, 180, 130))
    assert decode(file_of(rose, "JPEG"), Limits()).kind is InputKind.COLOR


def test_one_color_frame_makes_an_animation_color() -> None:
    frames = [GRAY.convert("RGB").rotate(90 * turn) for turn in range(3)] + [scene(300, 200, 1)]
    data = file_of(frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=80)
    assert decode(data, Limits()).kind is InputKind.COLOR
