"""Writes stills to the bytes of a file, with nothing in it but the picture."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from functools import cache
from typing import IO, Any

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from inference.imaging.file_types import FileType
from inference.imaging.jpeg_strips import join_strips
from inference.imaging.photo import JpegTables

WEBP_QUALITY = 90
_JPEG_QUALITY = 92
_LEAST_CHROMA_QUALITY = 90


def save_jpeg(picture: Image.Image) -> bytes:
    """Write a JPEG from mode RGB."""
    return _saved(picture, FileType.JPEG, quality=_JPEG_QUALITY)


def save_jpeg_strips(strips: Iterable[Image.Image], height: int, tables: JpegTables | None) -> bytes:
    """Write a JPEG, ``height`` rows high, from strips (mode YCbCr) as ``join_strips`` takes them.

    With the original's tables luma is quantised as it was there, so that it loses nothing in being saved again; chroma,
    which is new, at least as finely as quality 90 does.
    """
    luma, chroma = _standard_tables(_JPEG_QUALITY)
    if tables is not None:
        fine = _standard_tables(_LEAST_CHROMA_QUALITY)[1]
        luma, chroma = tables.luma, tuple(min(steps) for steps in zip(fine, tables.chroma or fine, strict=True))
    subsampling = "4:4:4" if tables is not None and tables.full_chroma else "4:2:0"
    options = {"qtables": [list(luma), list(chroma)], "subsampling": subsampling}
    return join_strips([_saved(strip, FileType.JPEG, **options) for strip in strips], height)


def save_png(picture: Image.Image) -> bytes:
    """Write a PNG from mode RGB or RGBA."""
    return _saved(picture, FileType.PNG)


def save_webp(picture: Image.Image, *, lossless: bool) -> bytes:
    """Write a WebP from mode RGB or RGBA."""
    if lossless:
        return _saved(picture, FileType.WEBP, lossless=True, exact=True)
    return _saved(picture, FileType.WEBP, quality=WEBP_QUALITY)


def _saved(picture: Image.Image, file_type: FileType, **options: Any) -> bytes:
    with _memory_file() as file:
        picture.save(file, format=file_type, **options)
        file.seek(0)
        return file.read()


def _memory_file() -> IO[bytes]:
    """Open a file that lies in memory, with a descriptor where the system has such files (Linux).

    Into a descriptor, Pillow codes JPEGs without holding the interpreter's lock, so that other threads go on.
    """
    return os.fdopen(os.memfd_create("picture"), "w+b") if hasattr(os, "memfd_create") else io.BytesIO()


@cache
def _standard_tables(quality: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return libjpeg's quantisation tables for luma and chroma at a quality, in rows."""
    sample = JpegImageFile(io.BytesIO(_saved(Image.new("RGB", (8, 8)), FileType.JPEG, quality=quality)))
    return tuple(sample.quantization[0]), tuple(sample.quantization[1])
