"""What people do on the page, in a browser."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.end_to_end.photos import gray_photo

WAIT_MILLISECONDS = 60_000

Visit = Callable[..., Page]
"""Opens the page as somebody new, in a browser with the given options."""


def photo(width: int = 320, height: int = 240, *, seed: int = 0, name: str = "photo.jpg") -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": gray_photo(width, height, seed=seed)}


def sliders(page: Page) -> Locator:
    return page.locator("#conversation").get_by_role("slider")


def send(page: Page, *photos: FilePayload) -> None:
    """Pick photos, and wait until all of them can be compared."""
    known = sliders(page).count()
    page.set_input_files("#files", list(photos or [photo()]))
    expect(sliders(page)).to_have_count(known + len(photos or [photo()]), timeout=WAIT_MILLISECONDS)


def chroma(locator: Locator) -> float:
    """How colourful something looks on the screen, in levels of Cb and Cr."""
    with Image.open(io.BytesIO(locator.screenshot())) as seen:
        planes = np.asarray(seen.convert("YCbCr"), dtype=np.float32)[..., 1:] - 128
    return float(np.abs(planes).mean())


def settle(page: Page) -> None:
    """Wait until the colours have come in."""
    expect(sliders(page).last).to_have_attribute("aria-valuenow", "50", timeout=WAIT_MILLISECONDS)
