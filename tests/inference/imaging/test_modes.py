"""Every kind of pixels that files hold comes out in color, with its own luma and opacity."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from inference.imaging import Limits, decode
from inference.vocabulary import InputKind, OutputFormat, RecolorOptions
from tests.inference.imaging.pictures import difference, file_of, luma_of, opened, recolor_as, scene

SCENE = scene()
GRAY = SCENE.convert("L")
OPACITY = Image.linear_gradient("L").resize(SCENE.size)
SIXTEEN = Image.fromarray(np.asarray(GRAY).astype(np.uint16) * 257)
FLOAT = Image.fromarray(np.asarray(GRAY).astype(np.float32) / 255)
THIRTY_TWO = Image.fromarray(np.asarray(GRAY).astype(np.int32) * 257)


def with_opacity(image: Image.Image) -> Image.Image:
    image = image.copy()
    image.putalpha(OPACITY)
    return image


def lab_picture() -> Image.Image:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(SCENE, to_lab)
    assert lab is not None
    return lab


def png_chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def sixteen_bit_rgb_png() -> bytes:
    """Pillow reads such files, but writes none."""
    levels = (np.asarray(SCENE).astype(">u2") * 257).reshape(SCENE.height, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", *SCENE.size, 16, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows, 1)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def tiff(size: tuple[int, int], bits: int, pixels: bytes, more: dict[int, int] | None = None) -> bytes:
    """Return a gray TIFF with one strip, of kinds that Pillow does not write; ``more`` adds tags."""
    width, height = size
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 0, 277: 1, 278: height, 279: len(pixels)}
    tags |= more or {}
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + pixels


def twelve_bit_tiff() -> bytes:
    levels = np.rint(np.asarray(GRAY).astype(np.float64) * (4095 / 255)).astype(np.uint16).reshape(-1, 2)
    first, second = levels[:, 0], levels[:, 1]
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1)
    return tiff(GRAY.size, 12, packed.astype(np.uint8).tobytes())


EXACT = {
    "gray": file_of(GRAY, "PNG"),
    "gray with opacity": file_of(with_opacity(GRAY), "PNG"),
    "gray of 16 bits": file_of(SIXTEEN, "PNG"),
    "gray with a transparent level": file_of(GRAY, "PNG", transparency=90),
    "gray of 16 bits with a transparent level": file_of(SIXTEEN, "PNG", transparency=90 * 257),
    "color": file_of(SCENE, "PNG"),
    "color of 16 bits": sixteen_bit_rgb_png(),
    "color with opacity": file_of(with_opacity(SCENE), "PNG"),
    "color with a transparent color": file_of(SCENE, "PNG", transparency=SCENE.getpixel((5, 5))),
    "TIFF gray": file_of(GRAY, "TIFF"),
    "TIFF gray of 16 bits": file_of(SIXTEEN, "TIFF"),
    "TIFF gray of 16 bits from white to black": tiff(
        GRAY.size, 16, (65535 - np.asarray(SIXTEEN)).astype("<u2").tobytes(), {262: 0}
    ),
    "TIFF gray of 12 bits": twelve_bit_tiff(),
    "TIFF gray of 32 bits": file_of(THIRTY_TWO, "TIFF"),
    "TIFF gray of floats": file_of(FLOAT, "TIFF"),
    "TIFF color": file_of(SCENE, "TIFF", compression="tiff_lzw"),
    "TIFF color with opacity": file_of(with_opacity(SCENE), "TIFF"),
    "TIFF CMYK": file_of(SCENE.convert("CMYK"), "TIFF"),
    "WebP without loss": file_of(SCENE, "WEBP", lossless=True),
    "GIF gray": file_of(GRAY, "GIF"),
}


@pytest.mark.parametrize("name", EXACT)
def test_pixels_stored_without_loss_keep_their_luma_to_rounding(name: str) -> None:
    _, picture = recolor_as(SCENE, EXACT[name])
    recolored = opened(picture.data)
    assert recolored.size == SCENE.size == (picture.width, picture.height)
    assert np.abs(luma_of(recolored) - luma_of(SCENE)).max() <= 1
    assert difference(recolored, SCENE) < 3


PALETTE = SCENE.quantize(64)
APPROXIMATE = {
    "black and white": file_of(GRAY.convert("1"), "PNG"),
    "TIFF black and white": file_of(GRAY.convert("1"), "TIFF", compression="group4"),
    "palette": file_of(PALETTE, "PNG"),
    "palette with a transparent color": file_of(PALETTE, "PNG", transparency=3),
    "palette with opacities": file_of(with_opacity(SCENE).quantize(128), "PNG"),
    "TIFF palette": file_of(PALETTE, "TIFF"),
    "TIFF Lab": file_of(lab_picture(), "TIFF"),
    "TIFF of JPEG": file_of(SCENE, "TIFF", compression="jpeg"),
    "GIF": file_of(PALETTE, "GIF"),
    "GIF with a transparent color": file_of(PALETTE, "GIF", transparency=3),
    "AVIF": file_of(SCENE, "AVIF", quality=90),
    "AVIF with opacity": file_of(with_opacity(SCENE), "AVIF", quality=90),
    "AVIF gray": file_of(GRAY, "AVIF", quality=90),
    "HEIC": file_of(SCENE, "HEIF", quality=90),
    "HEIC with opacity": file_of(with_opacity(SCENE), "HEIF", quality=90),
    "HEIC gray": file_of(GRAY, "HEIF", quality=90),
    "WebP": file_of(SCENE, "WEBP", quality=90),
    "WebP with opacity": file_of(with_opacity(SCENE), "WEBP", quality=90),
}


@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
@pytest.mark.parametrize("name", APPROXIMATE)
def test_other_pixels_keep_the_luma_that_pillow_sees(name: str) -> None:
    _, picture = recolor_as(SCENE, APPROXIMATE[name], RecolorOptions(format=OutputFormat.PNG))
    shown = luma_of(opened(APPROXIMATE[name])) if "Lab" not in name else luma_of(SCENE)
    recolored = opened(picture.data)
    assert recolored.size == SCENE.size
    assert np.abs(luma_of(recolored) - shown).max() <= (1 if "Lab" not in name else 6)


@pytest.mark.parametrize("name", ["gray with opacity", "color with opacity", "TIFF color with opacity"])
def test_opacity_is_kept(name: str) -> None:
    _, picture = recolor_as(SCENE, EXACT[name])
    assert np.array_equal(np.asarray(opened(picture.data).getchannel("A")), np.asarray(OPACITY))


@pytest.mark.parametrize("name", ["gray with a transparent level", "gray of 16 bits with a transparent level"])
def test_a_transparent_level_is_kept(name: str) -> None:
    _, picture = recolor_as(SCENE, EXACT[name])
    transparent = np.asarray(opened(picture.data).getchannel("A")) == 0
    assert np.array_equal(transparent, np.asarray(GRAY) == 90)
    assert transparent.any()


def test_opacity_is_laid_on_white_in_a_jpeg() -> None:
    clear = SCENE.copy()
    clear.putalpha(0)
    _, picture = recolor_as(SCENE, file_of(clear, "PNG"), RecolorOptions(format=OutputFormat.JPEG))
    assert picture.media_type == "image/jpeg"
    assert opened(picture.data).convert("L").getextrema()[0] >= 254


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    photo = decode(EXACT["gray of 16 bits"], Limits())
    assert np.array_equal(np.asarray(photo.frames[0].luma), np.asarray(GRAY))


def test_what_follows_the_end_of_a_png_is_no_matter() -> None:
    data = file_of(SCENE, "PNG")
    _, picture = recolor_as(SCENE, data + bytes(700_000))
    assert picture.data == recolor_as(SCENE, data)[1].data


@pytest.mark.parametrize("compressed", [True, False])
def test_a_long_history_in_a_png_is_no_matter(compressed: bool) -> None:
    history = PngImagePlugin.PngInfo()
    history.add_itxt("XML:com.adobe.xmp", "<rdf:li>changed again</rdf:li>" * 100_000, zip=compressed)
    assert decode(file_of(SCENE, "PNG", pnginfo=history), Limits()).size == SCENE.size


def test_of_several_pictures_in_a_heic_the_primary_one_is_taken_and_no_other_decoded() -> None:
    burst = Image.new("RGB", (400, 300))
    data = file_of(burst, "HEIF", save_all=True, append_images=[SCENE], primary_index=1)
    photo, _ = recolor_as(SCENE, data)
    assert photo.size == SCENE.size
    assert np.abs(np.asarray(photo.frames[0].luma) - luma_of(SCENE)).mean() < 3
    assert decode(data, Limits(max_pixels=240 * 160)).size == SCENE.size


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3), (7, 5), (3000, 2)])
@pytest.mark.parametrize("file_type", ["PNG", "JPEG", "WEBP"])
def test_odd_sizes_come_back_in_the_same_size(size: tuple[int, int], file_type: str) -> None:
    _, picture = recolor_as(SCENE, file_of(GRAY.resize(size), file_type))
    assert opened(picture.data).size == size


@pytest.mark.parametrize(
    ("file_type", "options"),
    [("JPEG", {}), ("PNG", {}), ("WEBP", {}), ("AVIF", {}), ("HEIF", {}), ("TIFF", {}), ("GIF", {})],
)
def test_gray_pixels_are_said_to_be_gray(file_type: str, options: dict[str, int]) -> None:
    assert decode(file_of(GRAY, file_type, **options), Limits()).kind is InputKind.GRAY
