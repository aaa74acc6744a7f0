"""From the bytes of a file to a ``Photo``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from inference.imaging import webp_chunks
from inference.imaging.file_types import FileType
from inference.imaging.input_kind import input_kind
from inference.imaging.limits import Limits
from inference.imaging.opening import decoder_errors_are_broken_images, open_checked, reopen
from inference.imaging.photo import PREVIEW_SIDE, Frame, JpegTables, Photo
from inference.imaging.pixels import QUARTER_TURNS, orientation, standardize, upright
from inference.imaging.profiles import UNCHANGED, conversion_to_srgb
from inference.imaging.timeline import STILL, timeline_of
from inference.vocabulary import InputKind

_KIND_SIDE = 192
_LARGE_PIXELS = 6_000_000
_ANIMATED = frozenset({FileType.GIF, FileType.PNG, FileType.WEBP})
# Browsers play frames that claim to last 10 ms or less for 100 ms: many old GIFs say 0 and mean "normal".
_SHORTEST_DURATION = 10
_USUAL_DURATION = 100
_RGB_COMPONENTS = tuple(b"RGB")


def decode(data: bytes, limits: Limits) -> Photo:
    """Decode a picture file into luma, opacity and a small preview of every frame.

    Checks all limits before anything is decoded. Raises ``EmptyBody``, ``TooManyBytes``, ``TooManyPixels``,
    ``TooManyFrames``, ``NotAnImage``, ``UnsupportedType`` or ``BrokenImage``.
    """
    file_type, image = open_checked(data, limits)
    with decoder_errors_are_broken_images():
        if file_type is FileType.JPEG and isinstance(image, JpegImageFile):
            return _decode_jpeg(data, image)
        frames = tuple(_frame(picture, duration) for picture, duration in _pictures(image, file_type))
        timeline = timeline_of(frame.preview for frame in frames) if len(frames) > 1 else STILL
        kind = max((_kind(frames[index].preview) for index in timeline.keys), key=list(InputKind).index)
        lossless = file_type is not FileType.WEBP or webp_chunks.inspect(data).lossless
        return Photo(data, file_type, frames, timeline, kind, lossless=lossless, loop=image.info.get("loop"))


def original_pictures(photo: Photo, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Decode the photo once more and yield its frames in their own colors, upright, in mode L, LA, RGB or RGBA.

    They are at least as large as ``size`` asks, or as the photo is; a JPEG is decoded no larger than it needs to be.
    """
    with decoder_errors_are_broken_images():
        image = reopen(photo.data, photo.file_type)
        if isinstance(image, JpegImageFile):
            image.draft(None, size[::-1] if orientation(image) in QUARTER_TURNS else size)
        yield from (picture for picture, _ in _pictures(image, photo.file_type))


def _decode_jpeg(data: bytes, image: JpegImageFile) -> Photo:
    """Take the luma of a JPEG as it is stored, without the detour through RGB."""
    full_chroma = get_sampling(image) == 0
    # Luma's table need not be the first one of the file; every component says which is its own.
    quantization = [image.quantization[table] for table in dict.fromkeys(layer[3] for layer in image.layer)]
    is_plain = conversion_to_srgb(image.info.get("icc_profile"), image.mode) is UNCHANGED
    transposition = orientation(image)
    if is_plain and image.mode in ("L", "RGB") and not _stores_rgb(image):
        luma, kind = _luma_and_kind(data, image)
        frame = Frame(_bare(upright(luma, transposition)), None, upright(_small(luma, PREVIEW_SIDE), transposition))
    else:
        frame = _frame(upright(standardize(image), transposition))
        kind = _kind(frame.preview)
    tables = _jpeg_tables(quantization, full_chroma, is_transposed=transposition in QUARTER_TURNS)
    return Photo(data, FileType.JPEG, (frame,), STILL, kind, jpeg=tables, lossless=False)


def _luma_and_kind(data: bytes, image: JpegImageFile) -> tuple[Image.Image, InputKind]:
    """Decode the luma, and as much of the chroma as it takes to tell what color the photo has.

    A large photo is gone through twice, for luma alone and for a small copy: that is as fast as getting the memory for
    all its pixels in color, and takes a quarter of it. Not so where scans have to be put together first.
    """
    if image.mode == "L":
        image.load()
        return image, InputKind.GRAY
    if "progressive" in image.info or image.width * image.height <= _LARGE_PIXELS:
        image.draft("YCbCr", None)
        return image.getchannel("Y"), _kind(image)
    small = reopen(data, FileType.JPEG)
    small.draft("YCbCr", _fitting(small.size, _KIND_SIDE))
    image.draft("L", None)
    image.load()
    return image, _kind(small)


def _stores_rgb(image: JpegImageFile) -> bool:
    """Tell the rare JPEGs whose components are red, green and blue (Adobe's marker, or their letters as ids)."""
    return image.info.get("adobe_transform") == 0 or tuple(layer[0] for layer in image.layer) == _RGB_COMPONENTS


def _jpeg_tables(quantization: list[list[int]], full_chroma: bool, *, is_transposed: bool) -> JpegTables:
    """Keep the quantisation tables, transposed where the picture has been turned by a quarter."""

    def oriented(table: list[int]) -> tuple[int, ...]:
        square = np.array(table).reshape(8, 8)
        return tuple(int(step) for step in np.clip(square.T if is_transposed else square, 1, 255).ravel())

    tables = [oriented(table) for table in quantization]
    return JpegTables(tables[0], tables[1] if len(tables) > 1 else None, full_chroma)


def _pictures(image: Image.Image, file_type: FileType) -> Iterator[tuple[Image.Image, int]]:
    """Yield each frame (upright, mode L, LA, RGB or RGBA) and its duration in milliseconds."""
    count = getattr(image, "n_frames", 1) if file_type in _ANIMATED else 1
    # The default image of an animated PNG is for programs that can't play it.
    first = 1 if count > 1 and image.info.get("default_image") else 0
    for index in range(first, count):
        if count > 1:  # of several pictures in a HEIC, the one that it opens with is meant, wherever it lies
            image.seek(index)
        image.load()
        picture = upright(standardize(image), orientation(image))
        duration = int(image.info.get("duration", 0))
        yield picture, duration if duration > _SHORTEST_DURATION else _USUAL_DURATION


def _frame(picture: Image.Image, duration: int = 0) -> Frame:
    alpha = picture.getchannel("A") if picture.mode in ("LA", "RGBA") else None
    if alpha is not None and alpha.getextrema() == (255, 255):
        alpha = None
    luma = picture.getchannel("L") if picture.mode in ("L", "LA") else picture.convert("L")
    return Frame(_bare(luma), alpha, _preview(picture), duration)


def _bare(picture: Image.Image) -> Image.Image:
    """Forget what the file says besides the pixels: Pillow hands it on from picture to picture and writes it."""
    picture.info = {}
    return picture


def _preview(picture: Image.Image) -> Image.Image:
    small = _small(picture, PREVIEW_SIDE)
    return small.getchannel("L") if small.mode in ("L", "LA") else small.convert("RGB").convert("YCbCr")


def _kind(preview: Image.Image) -> InputKind:
    if preview.mode == "L":
        return InputKind.GRAY
    planes = np.asarray(_small(preview, _KIND_SIDE))
    chroma = np.moveaxis(planes[..., 1:], -1, 0).astype(np.float32) - 128
    return input_kind(planes[..., 0], chroma)


def _small(picture: Image.Image, side: int) -> Image.Image:
    """Return a copy that fits into a square of ``side`` pixels, averaged down; never enlarged."""
    return picture.resize(_fitting(picture.size, side), Image.Resampling.BOX, reducing_gap=1.0)


def _fitting(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(size))
    width, height = (max(1, round(length * scale)) for length in size)
    return width, height
