"""Nothing but the picture leaves: no place, no camera, no name."""

from __future__ import annotations

import pytest
from PIL import Image, PngImagePlugin

from inference.vocabulary import Layout, OutputFormat, RecolorOptions
from tests.inference.imaging.pictures import file_of, opened, recolor_as, scene
from tests.inference.imaging.test_profiles import SRGB

SCENE = scene(90, 60)
SECRET = b"Elm Street 7"


def exif() -> Image.Exif:
    tags = Image.Exif()
    tags[0x010F] = SECRET.decode()
    tags[0x8825] = {1: "N", 2: (52.0, 30.0, 0.0), 29: SECRET.decode()}
    return tags


def xmp() -> bytes:
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><secret>' + SECRET + b"</secret></x:xmpmeta>"


def png_text() -> PngImagePlugin.PngInfo:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_itxt("XML:com.adobe.xmp", xmp().decode())
    return text


FILES = {
    "JPEG": file_of(SCENE, "JPEG", exif=exif(), xmp=xmp(), comment=SECRET, icc_profile=SRGB, dpi=(300, 300)),
    "gray JPEG": file_of(SCENE.convert("L"), "JPEG", exif=exif(), comment=SECRET),
    "PNG": file_of(SCENE, "PNG", exif=exif(), pnginfo=png_text(), icc_profile=SRGB),
    "gray PNG": file_of(SCENE.convert("L"), "PNG", exif=exif(), pnginfo=png_text()),
    "WebP": file_of(SCENE, "WEBP", exif=exif(), xmp=xmp(), icc_profile=SRGB),
    "AVIF": file_of(SCENE, "AVIF", exif=exif(), xmp=xmp(), icc_profile=SRGB),
    "HEIC": file_of(SCENE, "HEIF", exif=exif().tobytes(), xmp=xmp()),
    "TIFF": file_of(SCENE, "TIFF", artist=SECRET.decode(), description=SECRET.decode(), icc_profile=SRGB),
    "GIF": file_of(SCENE.quantize(32), "GIF", comment=SECRET),
    "animated GIF": file_of(
        SCENE.quantize(32), "GIF", save_all=True, append_images=[SCENE.rotate(180).quantize(32)], comment=SECRET
    ),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("output", OutputFormat)
def test_metadata_stay_behind(name: str, layout: Layout, output: OutputFormat) -> None:
    assert SECRET in FILES[name]
    _, picture = recolor_as(SCENE, FILES[name], RecolorOptions(layout=layout, format=output))
    assert SECRET not in picture.data
    result = opened(picture.data)
    assert not result.getexif()
    assert not {"icc_profile", "exif", "xmp", "comment", "XML:com.adobe.xmp", "Comment"} & set(result.info)
