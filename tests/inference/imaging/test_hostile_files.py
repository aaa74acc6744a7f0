"""Files that would cost much, or are no photos at all, are refused at once, each for its own reason."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import tracemalloc
import zlib

import pytest
from PIL import Image

from inference.imaging import Limits, decode, measure
from inference.imaging.file_types import FileType, recognise
from inference.problems import (
    BrokenImage,
    EmptyBody,
    NotAnImage,
    Problem,
    TooManyBytes,
    TooManyFrames,
    TooManyPixels,
    UnsupportedType,
)
from tests.inference.imaging.pictures import file_of, scene
from tests.inference.imaging.test_modes import png_chunk, tiff

SCENE = scene(200, 150)
JPEG = file_of(SCENE, "JPEG")


def png_of_400_megapixels() -> bytes:
    """Return about 48 KB that inflate to 20,000 x 20,000 pixels' worth of header and the beginning of the rows."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(48_000_000), 9)
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    assert 40_000 < len(data) < 56_000
    return data


def gif(frames: int, width: int = 8, height: int = 8, *, trailer: bytes = b";") -> bytes:
    image = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00"
    pause = b"!\xf9\x04\0\x05\0\0\0"
    header = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(3) + b"\xff\xff\xff"
    return header + (pause + image) * frames + trailer


def animated_png(frames: int) -> bytes:
    plain = file_of(SCENE, "PNG")
    control = png_chunk(b"acTL", struct.pack(">II", frames, 0))
    return plain[:33] + control + plain[33:]


def webp(width: int, height: int) -> bytes:
    canvas = (
        b"VP8X" + struct.pack("<IB3x", 10, 0) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    )
    picture = file_of(SCENE, "WEBP")[12:]
    body = b"WEBP" + canvas + picture
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_of_many_scans() -> bytes:
    """Return a progressive JPEG that comes back to refine the same picture a thousand times."""
    progressive = file_of(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    last_scan = progressive.rindex(b"\xff\xda")
    return progressive[:-2] + progressive[last_scan:-2] * 1000 + b"\xff\xd9"


def with_an_end_in_a_comment(jpeg: bytes) -> bytes:
    """Return the JPEG with a comment after its first scan that holds what elsewhere would be the picture's end."""
    second_scan = jpeg.index(b"\xff\xda", jpeg.index(b"\xff\xda") + 2)
    return jpeg[:second_scan] + b"\xff\xfe\0\4\xff\xd9" + jpeg[second_scan:]


def resized_jpeg(width: int, height: int) -> bytes:
    frame = JPEG.index(b"\xff\xc0")
    return JPEG[: frame + 5] + struct.pack(">HH", height, width) + JPEG[frame + 9 :]


def wide_tiff() -> bytes:
    data = bytearray(file_of(SCENE.convert("L"), "TIFF"))
    directory = struct.unpack_from("<I", data, 4)[0]
    for entry in range(struct.unpack_from("<H", data, directory)[0]):
        start = directory + 2 + 12 * entry
        if struct.unpack_from("<H", data, start)[0] in (256, 257):
            struct.pack_into("<HII", data, start + 2, 4, 1, 30_000)
    return bytes(data)


THUMBNAIL = SCENE.convert("L").resize((40, 30)).tobytes()
HOSTILE: dict[str, tuple[bytes, type[Problem]]] = {
    "nothing": (b"", EmptyBody),
    "text": (b"This is my holiday photo, honestly.\n" * 50, NotAnImage),
    "a page": (b"<!doctype html><html><body>photo.jpg</body></html>", NotAnImage),
    "zeros": (bytes(5000), NotAnImage),
    "one byte": (b"\xff", NotAnImage),
    "a signature": (b"\xff\xd8\xff", BrokenImage),
    "too many bytes": (JPEG + bytes(51 * 2**20), TooManyBytes),
    "a PNG of 400 megapixels": (png_of_400_megapixels(), TooManyPixels),
    "a PNG of 66,000 x 1": (file_of(Image.new("L", (66_000, 1)), "PNG"), TooManyPixels),
    "a TIFF of 1 x 2,000,000": (file_of(Image.new("1", (1, 2_000_000)), "TIFF", compression="group4"), TooManyPixels),
    "a JPEG of 65,500 x 65,500": (resized_jpeg(65_500, 65_500), TooManyPixels),
    "a WebP of 16,000 x 16,000": (webp(16_000, 16_000), TooManyPixels),
    "a TIFF of 30,000 x 30,000": (wide_tiff(), TooManyPixels),
    "a GIF of 65,535 x 65,535": (gif(1, 65_535, 65_535), TooManyPixels),
    "a GIF of 10,000 frames": (gif(10_000), TooManyFrames),
    "a GIF of 10,000 frames without an end": (gif(10_000, trailer=b""), TooManyFrames),
    "a GIF of 300 frames of 4 megapixels": (gif(300, 2000, 2000), TooManyPixels),
    "a PNG of 10,000 frames": (animated_png(10_000), TooManyFrames),
    "a GIF with 2 MB of comments": (gif(1)[:-1] + (b"!\xfe" + b"\x01." * 1000 + b"\0") * 1000 + b";", BrokenImage),
    "a truncated JPEG": (JPEG[: len(JPEG) // 2], BrokenImage),
    "a truncated PNG": (file_of(SCENE, "PNG")[:5000], BrokenImage),
    "a truncated WebP": (file_of(SCENE, "WEBP")[:1500], BrokenImage),
    "a truncated GIF": (file_of(SCENE.quantize(64), "GIF")[:4000], BrokenImage),
    "a truncated AVIF": (file_of(SCENE, "AVIF")[:900], BrokenImage),
    "a truncated HEIC": (file_of(SCENE, "HEIF")[:2500], BrokenImage),
    "a truncated TIFF": (file_of(SCENE, "TIFF")[:5000], BrokenImage),
    "a JPEG of 1,000 scans": (jpeg_of_many_scans(), BrokenImage),
    "a JPEG of 1,000 scans that feigns its end": (with_an_end_in_a_comment(jpeg_of_many_scans()), BrokenImage),
    "a JPEG of 200,000 segments": (b"\xff\xd8" + b"\xff\xe9\0\2" * 200_000 + JPEG[2:], BrokenImage),
    "a PNG of 200,000 chunks": (
        file_of(SCENE, "PNG")[:33] + png_chunk(b"auXx", b"") * 200_000 + file_of(SCENE, "PNG")[33:],
        BrokenImage,
    ),
    "a PNG of 3,000 color profiles": (
        file_of(SCENE, "PNG")[:33]
        + png_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(2**20 - 1), 9)) * 3000
        + file_of(SCENE, "PNG")[33:],
        BrokenImage,
    ),
    "a WebP of 200,000 chunks": (b"RIFF\0\0\0\0WEBP" + b"aUXx\0\0\0\0" * 200_000, BrokenImage),
    "an SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9"/></svg>', UnsupportedType),
    "an SVG with a prologue": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- hi --><svg width="9"/>', UnsupportedType),
    "a BMP": (file_of(SCENE, "BMP"), UnsupportedType),
    "a PDF": (b"%PDF-1.7 ...", UnsupportedType),
    "a JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99), UnsupportedType),
    "a video": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(99), UnsupportedType),
    "a camera's raw file": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(99), UnsupportedType),
    "a camera's raw file with a thumbnail": (tiff((40, 30), 8, THUMBNAIL, {254: 1, 330: 8}), UnsupportedType),
    "a DNG": (tiff((40, 30), 8, THUMBNAIL, {50706: 0x401}), UnsupportedType),
    "a TIFF of 40 x 30 in a tile of 30,000 x 30,000": (
        tiff((40, 30), 8, THUMBNAIL, {322: 30_000, 323: 30_000}),
        TooManyPixels,
    ),
    "a WAV": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(99), UnsupportedType),
    "an archive": (b"PK\3\4" + bytes(99), UnsupportedType),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_at_once(name: str) -> None:
    data, expected = HOSTILE[name]
    began = time.thread_time()
    with pytest.raises(expected) as refusal:
        decode(data, Limits())
    assert time.thread_time() - began < 0.5
    assert refusal.type is expected
    assert refusal.value.detail.endswith(".")
    assert "please" in refusal.value.detail


def test_the_refusal_of_many_pixels_takes_no_memory() -> None:
    data = HOSTILE["a PNG of 400 megapixels"][0]
    tracemalloc.start()
    try:
        with pytest.raises(TooManyPixels, match="20000 × 20000 pixels, and 64 megapixels are the most"):
            decode(data, Limits())
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_type_not_taken_is_told_with_those_that_are() -> None:
    with pytest.raises(UnsupportedType, match="SVG drawings aren't taken; please send a JPEG, PNG, WebP"):
        decode(HOSTILE["an SVG"][0], Limits())


def test_text_that_begins_like_a_bitmap_is_text() -> None:
    with pytest.raises(NotAnImage):
        recognise(b"BMW builds cars and motorcycles in Munich.")


@pytest.mark.parametrize("file_type", FileType)
def test_a_limit_counts_to_the_pixel(file_type: FileType) -> None:
    data = file_of(SCENE.quantize(16) if file_type is FileType.GIF else SCENE, file_type)
    assert decode(data, Limits(max_pixels=200 * 150)).size == (200, 150)
    with pytest.raises(TooManyPixels):
        decode(data, Limits(max_pixels=200 * 150 - 1))


@pytest.mark.parametrize("file_type", ["GIF", "WEBP", "PNG"])
def test_pixels_are_measured_over_all_frames(file_type: str) -> None:
    others = [SCENE.rotate(10 * turn).quantize(16) for turn in range(1, 5)]
    data = file_of(SCENE.quantize(16), file_type, save_all=True, append_images=others)
    assert measure(data, Limits()) == 5 * 200 * 150
    assert measure(JPEG, Limits()) == 200 * 150


@pytest.mark.parametrize("file_type", ["GIF", "WEBP", "PNG"])
def test_frames_count_one_by_one_and_together(file_type: str) -> None:
    others = [SCENE.rotate(10 * turn).quantize(16) for turn in range(1, 5)]
    data = file_of(SCENE.quantize(16), file_type, save_all=True, append_images=others)
    assert len(decode(data, Limits(max_frames=5, max_total_pixels=5 * 200 * 150)).frames) == 5
    with pytest.raises(TooManyFrames):
        decode(data, Limits(max_frames=4))
    with pytest.raises(TooManyPixels):
        decode(data, Limits(max_total_pixels=5 * 200 * 150 - 1))


@pytest.mark.parametrize("opening", [b"!\x01\0", b"!\xff\x0bNETSCAPE2.0\0"])
def test_a_gif_hides_no_frames_where_only_pillow_looks(opening: bytes) -> None:
    """Where an extension is empty, or its loop is, Pillow reads on as if it were not, and so loses its place.

    It takes the "!" that follows for the length of a block, of 33 bytes, and after these for frames what by the blocks
    is still the data of an extension.
    """
    plain = gif(1)
    screen, frame = plain[:19], plain[19:-1]
    data = bytes(32) + 9 * frame + b";"
    extension = b"!\x01" + bytes([len(data)]) + data + b"\0"
    hostile = screen + opening + extension + frame + b";"
    assert Image.open(io.BytesIO(hostile)).n_frames == 9  # type: ignore[attr-defined]
    with pytest.raises(BrokenImage):
        measure(hostile, Limits(max_frames=5))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("file_type", FileType)
def test_a_file_cut_off_anywhere_is_read_or_refused(file_type: FileType) -> None:
    data = file_of(SCENE.resize((40, 30)), file_type)
    for length in range(1, len(data), max(1, len(data) // 60)):
        with contextlib.suppress(Problem):
            decode(data[:length], Limits())


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("file_type", FileType)
def test_a_file_with_a_damaged_byte_is_read_or_refused(file_type: FileType) -> None:
    data = file_of(SCENE.resize((40, 30)), file_type)
    for position in range(0, len(data), max(1, len(data) // 100)):
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        with contextlib.suppress(Problem):
            decode(bytes(damaged), Limits())
