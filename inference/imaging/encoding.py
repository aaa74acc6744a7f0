"""From a ``Photo`` and the network's answer to the bytes of the recolored file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from PIL import Image

from inference.imaging.chroma import Float
from inference.imaging.decoding import original_pictures
from inference.imaging.file_types import FileType
from inference.imaging.guided import ChromaLines
from inference.imaging.joining import chroma_lines, join, join_by_strips
from inference.imaging.photo import Frame, Photo
from inference.imaging.saving import save_jpeg, save_jpeg_strips, save_png, save_webp
from inference.imaging.saving_animations import Playback, save_animation
from inference.problems import InvalidOption
from inference.vocabulary import Layout, OutputFormat, RecolorOptions

_SIDE_BY_SIDE_WIDTH = 2048
"""The widest that either half may be."""
MEDIA_TYPES = {
    FileType.JPEG: "image/jpeg",
    FileType.PNG: "image/png",
    FileType.WEBP: "image/webp",
    FileType.GIF: "image/gif",
}
_LONGEST_SIDE = {FileType.JPEG: 65_500, FileType.WEBP: 16_383, FileType.GIF: 65_535}
_ANIMATED = frozenset({FileType.GIF, FileType.WEBP, FileType.PNG})
_KEPT = frozenset({FileType.JPEG, FileType.PNG, FileType.WEBP})


@dataclass(frozen=True, slots=True)
class Picture:
    """A recolored photo as a file."""

    data: bytes
    media_type: str
    width: int
    """Width of the recolored photo in pixels; a side-by-side picture holds it twice."""
    height: int


def encode(photo: Photo, ab: Sequence[Float], options: RecolorOptions) -> Picture:
    """Join the photo with the predicted colors and write it in the format and layout asked for.

    ``ab`` holds, for each plane that ``Photo.network_input`` gave, (2, h/4, w/4) in Lab units. Raises
    ``InvalidOption`` where the photo is too long for the format.
    """
    lines = chroma_lines(photo, ab, options.vividness)
    file_type = _output_type(photo, options.format)
    size = _output_size(photo, options.layout)
    _check_sides(file_type, size, options)
    if _is_played(photo, file_type, options.format):
        data = _encode_animation(photo, lines, file_type, options, size)
    elif file_type is FileType.JPEG and options.layout is Layout.RECOLORED and photo.frames[0].alpha is None:
        data = _encode_jpeg(photo, lines[0])
    else:
        data = _encode_still(next(_pictures(photo, lines, options.layout, size)), file_type, lossless=photo.lossless)
    return Picture(data, MEDIA_TYPES[file_type], *size)


def _output_type(photo: Photo, asked: OutputFormat) -> FileType:
    if asked is not OutputFormat.AUTO:
        return FileType[asked.name]
    if photo.file_type in _KEPT:
        return photo.file_type
    if photo.file_type is FileType.GIF and len(photo.frames) > 1:
        return FileType.GIF
    if photo.file_type in (FileType.HEIF, FileType.AVIF) and photo.frames[0].alpha is None:
        return FileType.JPEG
    return FileType.PNG


def _is_played(photo: Photo, file_type: FileType, asked: OutputFormat) -> bool:
    """Tell whether an animation stays one; asked for as JPEG or PNG, its first frame is given."""
    return len(photo.frames) > 1 and file_type in _ANIMATED and asked is not OutputFormat.PNG


def _output_size(photo: Photo, layout: Layout) -> tuple[int, int]:
    width, height = photo.size
    if layout is Layout.RECOLORED or width <= _SIDE_BY_SIDE_WIDTH:
        return width, height
    return _SIDE_BY_SIDE_WIDTH, max(1, round(height * _SIDE_BY_SIDE_WIDTH / width))


def _check_sides(file_type: FileType, size: tuple[int, int], options: RecolorOptions) -> None:
    longest = _LONGEST_SIDE.get(file_type)
    if longest is not None and max(size) > longest:
        raise InvalidOption(
            f"A {file_type} picture can be at most {longest} pixels wide and high; please choose the format png."
        )


def _encode_jpeg(photo: Photo, lines: ChromaLines) -> bytes:
    """Write a JPEG straight from luma and chroma."""
    luma, tables = photo.frames[0].luma, photo.jpeg
    halve = tables is None or not tables.full_chroma
    return save_jpeg_strips(join_by_strips(luma, lines, halve=halve), luma.height, tables)


def _encode_still(picture: Image.Image, file_type: FileType, *, lossless: bool) -> bytes:
    if file_type is FileType.JPEG:
        return save_jpeg(_on_white(picture))
    if file_type is FileType.WEBP:
        return save_webp(picture, lossless=lossless)
    return save_png(picture)


def _encode_animation(
    photo: Photo, lines: Sequence[ChromaLines], file_type: FileType, options: RecolorOptions, size: tuple[int, int]
) -> bytes:
    timeline = photo.timeline
    playback = Playback(
        durations=tuple(frame.duration for frame in photo.frames),
        loop=photo.loop,
        scenes=tuple(timeline.scenes[key] for key in timeline.key_of_frame),
    )
    pictures = partial(_pictures, photo, lines, options.layout, size)
    return save_animation(pictures, playback, file_type, lossless=photo.lossless and file_type is photo.file_type)


def _pictures(
    photo: Photo, lines: Sequence[ChromaLines], layout: Layout, size: tuple[int, int]
) -> Iterator[Image.Image]:
    """Yield each frame as it is to be shown, in mode RGB or RGBA."""
    originals = original_pictures(photo, size) if layout is Layout.SIDE_BY_SIDE else None
    for frame, key in zip(photo.frames, photo.timeline.key_of_frame, strict=True):
        recolored = _recolored(frame, lines[key], size)
        if originals is not None:
            original = _resized(next(originals), size).convert(recolored.mode)
            yield _side_by_side(original, recolored)
        else:
            yield recolored


def _recolored(frame: Frame, lines: ChromaLines, size: tuple[int, int]) -> Image.Image:
    picture = join(_resized(frame.luma, size), lines).convert("RGB")
    if frame.alpha is not None:
        picture.putalpha(_resized(frame.alpha, size))
    return picture


def _side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    joined = Image.new(right.mode, (left.width + right.width, right.height))
    joined.paste(left, (0, 0))
    joined.paste(right, (left.width, 0))
    return joined


def _resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    opaque = Image.new("RGB", picture.size, "white")
    opaque.paste(picture.convert("RGB"), mask=picture.getchannel("A"))
    return opaque
