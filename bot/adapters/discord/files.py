"""Making pictures fit Discord's limits on files. Everything here blocks; call it in a thread.

The pictures come from the worker, which may be another machine's: what is larger than any of its results is not opened.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image, ImageSequence, UnidentifiedImageError

REQUEST_LIMIT = 25 * 2**20
"""Bytes that one message may carry in all (discord.com/developers/docs/resources/message#create-message)."""
_ENVELOPE = 64 * 2**10
_QUALITIES = (88, 78)
_SMALLEST_SIDE = 64
_STEP = 0.9
_STEPS = 12
_MAX_STEM = 80
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_MAX_PIXELS = 130_000_000
"""Two of the largest photos that the worker takes by default, side by side."""
_FRAME_PIXELS = 32_000_000
"""How many pixels of an animation are in memory at once; one that has more is scaled down on the way."""
_ANIMATION_STEPS = 5

# Beyond the double of it Pillow opens nothing.
Image.MAX_IMAGE_PIXELS = _MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture that may be uploaded."""

    data: bytes
    suffix: str
    """Of its file name, with the dot."""
    shrunk: bool
    """Whether it lost quality or pixels."""


def limit_each(size_limit: int, files: int) -> int:
    """Return how many bytes each of several files may have where one may have ``size_limit``."""
    whole = max(REQUEST_LIMIT, size_limit) - _ENVELOPE
    return min(size_limit, whole // max(1, files))


def whole(path: Path, limit: int) -> Fitted | None:
    """Return a picture as it is; ``None`` when it has more than ``limit`` bytes. Raises ``FileNotFoundError``."""
    if path.stat().st_size > limit:
        return None
    return Fitted(path.read_bytes(), path.suffix, shrunk=False)


def smaller(path: Path, limit: int) -> Fitted | None:
    """Encode a picture again in at most ``limit`` bytes, scaled down where needed; ``None`` when it can't be done.

    It may take seconds and hundreds of megabytes, so no two should be made smaller at once.
    Raises ``FileNotFoundError``.
    """
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                return None
            if getattr(picture, "n_frames", 1) > 1:
                attempts = _smaller_animations(picture, limit)
            else:
                attempts = _smaller_pictures(picture, limit)
            return next((fitted for fitted in attempts if len(fitted.data) <= limit), None)
    except (Image.DecompressionBombError, UnidentifiedImageError):
        return None


def file_name(original: str, suffix: str) -> str:
    """Return what to call the recolored picture: the original's name, as far as Discord leaves it unchanged."""
    plain = unicodedata.normalize("NFKD", PurePosixPath(original).stem).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._-")[:_MAX_STEM]
    return f"{stem or 'photo'}-recolored{suffix}"


def _smaller_pictures(picture: Image.Image, limit: int) -> Iterator[Fitted]:
    see_through = "A" in picture.getbands() or "transparency" in picture.info
    mode = "RGBA" if see_through else "RGB"
    whole = picture if picture.mode == mode else picture.convert(mode)
    for quality in _QUALITIES:
        fitted = _encoded(whole, see_through, quality)
        yield fitted
    # Bytes grow about as pixels do, so the first guess is close.
    scale = min(_STEP, (limit / len(fitted.data)) ** 0.5)
    for _ in range(_STEPS):
        width, height = round(whole.width * scale), round(whole.height * scale)
        if min(width, height) < min(_SMALLEST_SIDE, *whole.size):
            return
        yield _encoded(whole.resize((width, height), Image.Resampling.LANCZOS), see_through, _QUALITIES[-1])
        scale *= _STEP


def _encoded(picture: Image.Image, see_through: bool, quality: int) -> Fitted:
    data = io.BytesIO()
    if see_through:
        picture.save(data, "WEBP", quality=quality, method=2)
    else:
        picture.save(data, "JPEG", quality=quality)  # to optimize it would take twice the memory
    return Fitted(data.getvalue(), ".webp" if see_through else ".jpg", shrunk=True)


def _smaller_animations(picture: Image.Image, limit: int) -> Iterator[Fitted]:
    frames = getattr(picture, "n_frames", 1)
    scale = min(1.0, (_FRAME_PIXELS / (picture.width * picture.height * frames)) ** 0.5)
    for _ in range(_ANIMATION_STEPS):
        fitted = _animation(picture, (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
        yield fitted
        scale *= min(_STEP, (limit / len(fitted.data)) ** 0.5)


def _animation(picture: Image.Image, size: tuple[int, int]) -> Fitted:
    frames, durations = [], []
    for frame in ImageSequence.Iterator(picture):
        durations.append(frame.info.get("duration") or 100)
        frames.append(frame.convert("RGBA").resize(size, Image.Resampling.BILINEAR))
    data = io.BytesIO()
    frames[0].save(
        data,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=picture.info.get("loop", 0),
        quality=_QUALITIES[-1],
        method=1,
    )
    return Fitted(data.getvalue(), ".webp", shrunk=True)
