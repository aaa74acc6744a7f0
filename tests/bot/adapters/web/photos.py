"""Photos made in code."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw


def a_photo(width: int = 64, height: int = 48, *, kind: str = "JPEG", ink: int = 40) -> bytes:
    """A gray photo of a hill under a bright sky."""
    photo = Image.linear_gradient("L").resize((width, height)).point(lambda value: 255 - value // 2)
    ImageDraw.Draw(photo).ellipse((-width // 4, height // 2, width, 2 * height), fill=ink)
    file = io.BytesIO()
    photo.save(file, kind)
    return file.getvalue()
