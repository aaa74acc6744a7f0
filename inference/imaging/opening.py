"""Opens a picture file without decoding it, and refuses the ones that would decode to too much."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pillow_heif
from PIL import Image, PngImagePlugin

from inference.imaging import gif_blocks, jpeg_segments, png_chunks, tiff_tags, webp_chunks
from inference.imaging.file_types import FileType, recognise
from inference.imaging.limits import Limits
from inference.problems import BrokenImage

pillow_heif.register_heif_opener()
# Limits are checked here, before anything is decoded; Pillow's own guard would only add a second, fixed limit.
Image.MAX_IMAGE_PIXELS = None
# The most that one compressed chunk of a PNG may hold: editors write megabytes of history, for which Pillow, at 1 MiB,
# would refuse the photo. All text together may still be 64 MiB.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 2**20


@contextmanager
def decoder_errors_are_broken_images() -> Iterator[None]:
    """Raise ``BrokenImage`` for whatever Pillow's decoders raise on damaged files."""
    try:
        yield
    except (
        EOFError,
        LookupError,
        OSError,
        OverflowError,
        RuntimeError,
        SyntaxError,
        TypeError,
        ValueError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
    ) as error:
        raise BrokenImage from error


def open_checked(data: bytes, limits: Limits) -> tuple[FileType, Image.Image]:
    """Return the type of the file and the picture, opened but not decoded, after all limits have been checked.

    Raises ``EmptyBody``, ``TooManyBytes``, ``TooManyPixels``, ``TooManyFrames``, ``NotAnImage``, ``UnsupportedType``
    or ``BrokenImage``.
    """
    file_type, image, _ = _open_and_count(data, limits)
    return file_type, image


def measure(data: bytes, limits: Limits) -> int:
    """Return how many pixels all frames of a file have together, without decoding them; raises as ``open_checked``."""
    _, image, frames = _open_and_count(data, limits)
    return frames * image.width * image.height


def reopen(data: bytes, file_type: FileType) -> Image.Image:
    """Open a picture once more, after ``open_checked`` has let it through."""
    if file_type is FileType.GIF:
        data = gif_blocks.without_gray_ramps(data)
    with decoder_errors_are_broken_images():
        return Image.open(io.BytesIO(data), formats=[file_type])


def _open_and_count(data: bytes, limits: Limits) -> tuple[FileType, Image.Image, int]:
    limits.check_bytes(len(data))
    file_type = recognise(data)
    frames = _check_before_opening(file_type, data, limits)
    image = reopen(data, file_type)
    limits.check_size(*image.size)
    if file_type in (FileType.PNG, FileType.WEBP):
        frames = getattr(image, "n_frames", 1)
        limits.check_frames(frames, *image.size)
    return file_type, image, frames


def _check_before_opening(file_type: FileType, data: bytes, limits: Limits) -> int:
    """Check what Pillow would find out only by much work, or much memory; return the frames as far as known by then."""
    if file_type is FileType.GIF:
        return gif_blocks.check_extent(data, limits)
    if file_type is FileType.WEBP:
        traits = webp_chunks.inspect(data)
        limits.check_size(traits.width, traits.height)
    elif file_type is FileType.JPEG:
        jpeg_segments.check_effort(data)
    elif file_type is FileType.PNG:
        png_chunks.check_effort(data)
    elif file_type is FileType.TIFF:
        tiff_tags.check(data, limits)
    return 1
