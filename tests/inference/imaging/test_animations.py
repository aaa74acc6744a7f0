"""Animations stay animations: every frame in place and in time, with colors that hold still."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from inference.imaging import Limits, Photo, decode, encode
from inference.vocabulary import Layout, OutputFormat, RecolorOptions
from tests.inference.imaging.pictures import SHAPES, difference, file_of, luma_of, opened, scene, true_ab

SIZE = (160, 112)


def moving_scene(count: int = 8, seed: int = 0) -> list[Image.Image]:
    """Return frames in which a white square crosses a scene that stands still."""
    frames = [scene(*SIZE, seed=seed) for _ in range(count)]
    for index, frame in enumerate(frames):
        frame.paste("white", (10 + 12 * index, 40, 30 + 12 * index, 60))
    return frames


def gray_gif(frames: list[Image.Image], **options: object) -> bytes:
    gray = [frame.convert("L") for frame in frames]
    return file_of(gray[0], "GIF", save_all=True, append_images=gray[1:], **options)


def colors_of(frames: list[Image.Image], photo: Photo) -> list[NDArray[np.float32]]:
    shape = photo.network_input(SHAPES)[0].shape
    return [true_ab(frames[key], shape) for key in photo.timeline.keys]  # type: ignore[arg-type]


def played(data: bytes) -> list[Image.Image]:
    return [frame.convert("RGBA") for frame in ImageSequence.Iterator(opened(data))]


def durations_of(data: bytes) -> list[int]:
    image = opened(data)
    durations = []
    for index in range(image.n_frames):  # type: ignore[attr-defined]
        image.seek(index)
        image.load()
        durations.append(image.info["duration"])
    return durations


def test_a_gif_comes_back_as_a_gif_in_color() -> None:
    frames = moving_scene()
    durations = [40, 60, 80, 100, 120, 140, 160, 200]
    data = gray_gif(frames, duration=durations, loop=3)
    photo = decode(data, Limits())
    picture = encode(photo, colors_of(frames, photo), RecolorOptions())
    result = opened(picture.data)
    assert picture.media_type == "image/gif"
    assert (picture.width, picture.height) == SIZE == result.size
    assert result.info["loop"] == 3
    shown = played(picture.data)
    assert durations_of(picture.data) == durations
    for frame, recolored in zip(frames, shown, strict=True):
        assert difference(recolored, frame) < 9
        assert np.abs(luma_of(recolored) - luma_of(frame)).mean() < 6


@pytest.mark.parametrize(("file_type", "lossless"), [("WEBP", True), ("WEBP", False), ("PNG", True)])
def test_other_animations_keep_their_type_and_time(file_type: str, lossless: bool) -> None:
    frames = moving_scene()
    options = {"lossless": lossless, "quality": 90} if file_type == "WEBP" else {}
    others = [frame.convert("L") for frame in frames[1:]]
    gray = frames[0].convert("L")
    data = file_of(gray, file_type, save_all=True, append_images=others, duration=70, loop=0, **options)
    photo = decode(data, Limits())
    picture = encode(photo, colors_of(frames, photo), RecolorOptions())
    assert picture.media_type == f"image/{file_type.lower()}"
    shown = played(picture.data)
    assert durations_of(picture.data) == [70] * 8
    assert opened(picture.data).info["loop"] == 0
    for frame, original, recolored in zip(frames, photo.frames, shown, strict=True):
        error = np.abs(luma_of(recolored) - np.asarray(original.luma).astype(int))
        assert error.max() <= 1 if lossless else error.mean() < 3
        assert difference(recolored, frame) < 9


def test_transparency_and_disposal_are_composed_as_a_browser_does() -> None:
    """Frames that only paint their change, with holes, over what each disposal leaves behind."""
    background = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    background.paste((90, 90, 90, 255), (20, 20, 140, 90))
    frames = []
    for index in range(4):
        frame = background.copy()
        frame.paste((200, 200, 200, 255), (10 + 30 * index, 30, 40 + 30 * index, 60))
        frames.append(frame)
    data = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:], disposal=2, duration=50, loop=0)
    photo = decode(data, Limits())
    reddish = np.full((2, 48, 72), 25, np.float32)
    ab = [reddish for _ in photo.network_input(((192, 288),))]
    for output in (OutputFormat.AUTO, OutputFormat.WEBP):
        shown = played(encode(photo, ab, RecolorOptions(format=output)).data)
        for frame, recolored in zip(frames, shown, strict=True):
            opaque = np.asarray(frame.getchannel("A")) > 0
            assert np.array_equal(np.asarray(recolored.getchannel("A")) > 0, opaque)
            assert np.abs(luma_of(recolored) - luma_of(frame))[opaque].mean() < 4
            red, _, blue = (np.asarray(recolored.getchannel(band)).astype(int)[opaque] for band in "RGB"[:3])
            assert (red > blue + 10).all()


def test_frames_that_show_nothing_stay_in_their_place() -> None:
    nothing = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    frames = [nothing.copy(), nothing, nothing.copy(), nothing]
    for frame, left in ((frames[0], 20), (frames[2], 80)):
        frame.paste(scene(40, 30).convert("L").convert("RGBA"), (left, 30))
    data = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:], disposal=2, duration=50, loop=0)
    photo = decode(data, Limits())
    ab = [np.full((2, 48, 72), 25, np.float32) for _ in photo.network_input(((192, 288),))]
    for frame, recolored in zip(frames, played(encode(photo, ab, RecolorOptions()).data), strict=True):
        assert np.array_equal(np.asarray(recolored.getchannel("A")), np.asarray(frame.getchannel("A")))


@pytest.mark.parametrize("durations", [[600_000] * 4, [20_000, 655_350, 10_000, 655_350]])
def test_pauses_that_together_are_too_long_for_a_gif_are_shortened(durations: list[int]) -> None:
    """Where frames are alike, Pillow makes one of them, with the pauses of all."""
    frames = moving_scene(2)
    data = gray_gif([frames[0], frames[1]] * 2, duration=durations)
    photo = decode(data, Limits())
    alike = replace(photo, frames=tuple(replace(photo.frames[0], duration=pause) for pause in durations))
    ab = [np.full((2, 48, 72), 25, np.float32) for _ in photo.network_input(((192, 288),))]
    for each in (photo, alike):
        result = opened(encode(each, ab, RecolorOptions()).data)
        assert result.format == "GIF"
        assert 300_000 < sum(frame.info["duration"] for frame in ImageSequence.Iterator(result)) <= 655_350


def test_a_slide_show_keeps_its_pauses() -> None:
    slides = [Image.new("RGB", SIZE, (shade, shade, shade)) for shade in (20, 120, 220, 40, 140, 240)]
    photo = decode(gray_gif(slides, duration=300_000), Limits())
    assert durations_of(encode(photo, colors_of(slides, photo), RecolorOptions()).data) == [300_000] * 6


@pytest.mark.parametrize("options", [{"loop": 2**20}, {"duration": 20_000_000}])
def test_an_animated_png_that_webp_cannot_hold_is_played_less_long(options: dict[str, int]) -> None:
    frames = [frame.convert("L") for frame in moving_scene(2)]
    photo = decode(file_of(frames[0], "PNG", save_all=True, append_images=frames[1:], **options), Limits())
    ab = [np.full((2, 48, 72), 25, np.float32) for _ in photo.network_input(((192, 288),))]
    result = opened(_as_webp(photo, ab))
    assert result.format == "WEBP"
    assert result.n_frames == 2  # type: ignore[attr-defined]


def test_gray_gifs_whose_frames_bring_color_tables_are_read_rightly() -> None:
    """Pillow alone mistakes the later frames of such files; its own writer makes them."""
    frames = [scene(*SIZE, seed=seed).convert("L") for seed in range(4)]
    data = gray_gif([frame.convert("RGB") for frame in frames])
    for frame, read in zip(frames, decode(data, Limits()).frames, strict=True):
        assert np.abs(np.asarray(read.luma).astype(int) - np.asarray(frame)).max() <= 1


def test_colors_hold_still_where_nothing_moves() -> None:
    """A network that wavers from frame to frame must not make the picture flicker."""
    frames = moving_scene(12)
    photo = decode(gray_gif(frames, duration=50), Limits())
    rng = np.random.default_rng(0)
    wavering = [ab + rng.normal(0, 8, (2, 1, 1)).astype(np.float32) for ab in colors_of(frames, photo)]
    assert len(wavering) == 12
    shown = [np.asarray(frame.convert("YCbCr"))[..., 1:] for frame in played(_as_webp(photo, wavering))]
    still = np.s_[70:, :]
    steps = [np.abs(one[still].astype(int) - other[still]).mean() for one, other in pairwise(shown)]
    assert np.mean(steps) < 1.5
    assert np.ptp([ab.mean() for ab in wavering]) > 10


def test_colors_do_not_leak_through_a_cut() -> None:
    dark = [Image.new("RGB", SIZE, (90, 20, 20)) for _ in range(4)]
    light = [Image.new("RGB", SIZE, (200, 220, 255)) for _ in range(4)]
    for index, frame in enumerate(dark + light):
        frame.paste("gray", (10 * index, 5, 10 * index + 20, 25))
    photo = decode(gray_gif(dark + light, duration=50), Limits())
    assert [photo.timeline.scenes[key] for key in photo.timeline.key_of_frame] == [0] * 4 + [1] * 4
    shown = played(_as_webp(photo, colors_of(dark + light, photo)))
    for frame, recolored in zip(dark + light, shown, strict=True):
        assert difference(recolored.crop((0, 60, *SIZE)), frame.crop((0, 60, *SIZE))) < 6


def _as_webp(photo: Photo, ab: list[NDArray[np.float32]]) -> bytes:
    return encode(photo, ab, RecolorOptions(format=OutputFormat.WEBP)).data


def test_frames_that_stay_the_same_are_predicted_once() -> None:
    still = scene(*SIZE)
    frames = [still, still.copy(), still.copy(), scene(*SIZE, seed=1)]
    data = file_of(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True, minimize_size=False)
    photo = decode(data, Limits())
    assert len(photo.network_input(SHAPES)) == 2 <= len(photo.frames)


@pytest.mark.parametrize(("output", "media_type"), [(OutputFormat.JPEG, "image/jpeg"), (OutputFormat.PNG, "image/png")])
def test_asked_for_a_still_the_first_frame_is_given(output: OutputFormat, media_type: str) -> None:
    frames = moving_scene(3)
    photo = decode(gray_gif(frames, duration=50), Limits())
    picture = encode(photo, colors_of(frames, photo), RecolorOptions(format=output))
    assert picture.media_type == media_type
    result = opened(picture.data)
    assert getattr(result, "n_frames", 1) == 1
    assert difference(result, frames[0]) < 9


def test_side_by_side_animations_show_the_original_beside() -> None:
    frames = moving_scene(3)
    photo = decode(gray_gif(frames, duration=50), Limits())
    both = RecolorOptions(layout=Layout.SIDE_BY_SIDE, format=OutputFormat.WEBP)
    for frame, joined in zip(frames, played(encode(photo, colors_of(frames, photo), both).data), strict=True):
        assert joined.size == (2 * SIZE[0], SIZE[1])
        assert difference(joined.crop((0, 0, *SIZE)), frame.convert("L")) < 4
        assert difference(joined.crop((SIZE[0], 0, 2 * SIZE[0], SIZE[1])), frame) < 9


def test_an_animation_without_pauses_gets_the_usual_ones() -> None:
    photo = decode(gray_gif(moving_scene(3), duration=0), Limits())
    assert [frame.duration for frame in photo.frames] == [100] * 3


def test_the_still_of_an_animated_png_is_left_out() -> None:
    cover, *frames = moving_scene(4)
    data = file_of(cover, "PNG", save_all=True, default_image=True, append_images=frames, duration=50)
    photo = decode(data, Limits())
    assert len(photo.frames) == 3
    assert np.array_equal(np.asarray(photo.frames[0].luma), np.asarray(frames[0].convert("L")))
