"""Opens a picture file without decoding it, and refuses the ones that would decode to too much."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pillow_heif
from PIL import Image

from inference.imaging import gif_blocks, webp_chunks
from inference.imaging.file_types import FileType, recognise
from inference.imaging.limits import Limits
from inference.problems import BrokenImage

pillow_heif.register_heif_opener()
# Limits are checked here, before anything is decoded; Pillow's own guard would only add a second, fixed limit.
Image.MAX_IMAGE_PIXELS = None

# A photo has one scan, or about ten when progressive. Each scan walks through the whole picture again, so that a file
# of a few kilobytes with thousands of them keeps a decoder busy for minutes.
_MAX_JPEG_SCANS = 100
_START_OF_SCAN = b"\xff\xda"


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
    limits.check_bytes(len(data))
    file_type = recognise(data)
    frames = _check_before_opening(file_type, data, limits)
    with decoder_errors_are_broken_images():
        image = Image.open(io.BytesIO(data), formats=[file_type])
        if file_type in (FileType.PNG, FileType.WEBP):
            frames = getattr(image, "n_frames", 1)
    limits.check_size(*image.size)
    limits.check_frames(frames, *image.size)
    return file_type, image


def reopen(data: bytes, file_type: FileType) -> Image.Image:
    """Open once more, from its start, a picture that ``open_checked`` has let through."""
    with decoder_errors_are_broken_images():
        return Image.open(io.BytesIO(data), formats=[file_type])


def _check_before_opening(file_type: FileType, data: bytes, limits: Limits) -> int:
    """Check what Pillow would only tell after much work, and return the number of frames as far as known."""
    if file_type is FileType.GIF:
        return gif_blocks.measure(data, limits).frames
    if file_type is FileType.WEBP:
        traits = webp_chunks.inspect(data)
        limits.check_size(traits.width, traits.height)
    if file_type is FileType.JPEG and data.count(_START_OF_SCAN) > _MAX_JPEG_SCANS:
        raise BrokenImage
    return 1
