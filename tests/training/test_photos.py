import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from tests.training.conftest import COUNT
from training.photos import PhotosError, load_all, load_photos
from training.preparing.screening import open_photo
from training.sources import Source, parse_source


def test_the_manifest_decides_the_split(manifest_folder: Path) -> None:
    train = load_photos(manifest_folder, "train", 64)
    validation = load_photos(manifest_folder, "val", 64)
    assert (len(train), len(validation)) == (COUNT - COUNT // 4, COUNT // 4)
    assert set(train.names).isdisjoint(validation.names)
    assert set(train.sets) == {"made"}
    assert train.pixels.shape == (len(train), 3, 64, 64)
    assert train.pixels.dtype == torch.uint8


def test_folders_and_tar_files_without_manifest_split_by_name(photo_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "photos.tar"
    with tarfile.open(path, "w") as tar:
        for photo in sorted(photo_folder.iterdir()):
            tar.add(photo, photo.name)
    from_folder = load_photos(photo_folder, "train", 64)
    from_tar = load_photos(path, "train", 64)
    assert from_folder.names == from_tar.names
    assert 0.8 * COUNT < len(from_folder) <= COUNT
    torch.testing.assert_close(from_folder.pixels, from_tar.pixels)
    with tarfile.open(path, "w") as tar:
        for photo in sorted(photo_folder.iterdir()):
            tar.add(photo, f"./{photo.name}")  # as ``tar -C photos .`` calls them
    assert load_photos(path, "train", 64).names == tuple(f"./{name}" for name in from_folder.names)


def test_a_square_shows_the_photo_as_it_is(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:32, :, 0] = 200
    Image.fromarray(pixels).save(tmp_path / "half.png")
    photos = load_photos(tmp_path, "train", 64)
    assert np.array_equal(photos.pixels[0].numpy().transpose(1, 2, 0), pixels)


def test_unreadable_images_are_left_out_aloud(
    photo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes((photo_folder / "000.png").read_bytes())
    (tmp_path / "b.png").write_bytes(b"this is no picture")
    assert load_photos(tmp_path, "train", 64).names == ("a.png",)
    assert "1 of 2 images can't be read" in capsys.readouterr().out


def test_broken_and_monstrous_images_are_left_out(tmp_path: Path) -> None:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.XResolution] = 6, 72.0
    photo.save(tmp_path / "good.jpg")
    photo.save(tmp_path / "odd.jpg", exif=exif)
    photo.save(tmp_path / "broken.avif")
    # A resolution that is a text, and pixels that are all 0: Pillow raises neither OSError nor ValueError.
    odd = (tmp_path / "odd.jpg").read_bytes()
    (tmp_path / "odd.jpg").write_bytes(odd.replace(b"\x01\x1a\x00\x05", b"\x01\x1a\x00\x02"))
    boxes, _, pixels = (tmp_path / "broken.avif").read_bytes().partition(b"mdat")
    (tmp_path / "broken.avif").write_bytes(boxes + b"mdat" + bytes(len(pixels)))
    Image.new("1", (20_000, 20_000)).save(tmp_path / "monster.png")
    assert load_photos(tmp_path, "train", 64).names == ("good.jpg",)
    for name in ("odd.jpg", "broken.avif", "monster.png"):
        assert open_photo((tmp_path / name).read_bytes(), 64) is None


def test_the_cache_holds_the_same_photos(manifest_folder: Path, tmp_path: Path) -> None:
    fresh = load_photos(manifest_folder, "val", 64, cache=tmp_path)
    again = load_photos(manifest_folder, "val", 64, cache=tmp_path)
    assert fresh.names == again.names
    torch.testing.assert_close(fresh.pixels, again.pixels)
    assert len(list(tmp_path.glob("*.npy"))) == 1


def test_a_cache_without_room_is_said(photo_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PhotosError, match=r"no room for \d+.* GiB"):
        load_photos(photo_folder, "train", 2_000_000, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_limit_spreads_over_the_source(manifest_folder: Path) -> None:
    some = load_photos(manifest_folder, "train", 64, limit=6)
    assert len(some) == 6
    indices = [int(name.removeprefix("made/").removesuffix(".png")) for name in some.names]
    assert any(index % 2 == 0 for index in indices)
    assert any(index % 2 == 1 for index in indices)


def test_folders_with_names_of_files_are_entered(photo_folder: Path, tmp_path: Path) -> None:
    for name in ("trip.jpg", "old.tar"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes((photo_folder / "000.png").read_bytes())
    assert load_photos(tmp_path, "train", 64).names == ("old.tar/a.png", "trip.jpg/a.png")


def test_a_manifest_from_a_spreadsheet_is_read_and_one_that_lacks_something_explained(
    photo_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes((photo_folder / "000.png").read_bytes())
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("file,set,split\na.png,mine,train\n", encoding="utf-8-sig")
    assert load_photos(tmp_path, "train", 64).sets == ("mine",)
    for text, complaint in (
        ("file,split\na.png,train\n", "photo 1 has no set"),
        ("file,set,split\na.png,mine,val\nb.png\n", "photo 2 has no set, split"),
        ('file,set,split\n"a.png,mine,val\n' + 200_000 * "x", "no CSV file"),
    ):
        manifest.write_text(text)
        with pytest.raises(PhotosError, match=complaint):
            load_photos(tmp_path, "train", 64)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(PhotosError, match="does not exist"):
        load_photos(tmp_path / "nowhere", "train", 64)
    with pytest.raises(PhotosError, match="no images"):
        load_photos(tmp_path, "train", 64)
    (tmp_path / "broken.tar").write_bytes(b"x" * 2000)
    with pytest.raises(PhotosError, match="no tar file"):
        load_photos(tmp_path / "broken.tar", "train", 64)


def test_sources_join_into_one_set_with_weights(manifest_folder: Path, photo_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"this is no picture")
    for name in ("001.png", "002.png"):
        (tmp_path / name).write_bytes((photo_folder / name).read_bytes())
    sources = [Source(manifest_folder), Source(tmp_path, 0.25)]
    for _ in range(2):  # fresh, then from the cache
        photos = load_all(sources, "train", 64, cache=tmp_path / "cache")
        assert photos.sets == ("made",) * (COUNT - COUNT // 4) + (tmp_path.name,) * 2
        assert photos.pixels.shape == (len(photos), 3, 64, 64)
        weights = photos.weights({"made": 0.5})
        assert weights.tolist() == [0.5] * (COUNT - COUNT // 4) + [0.25] * 2
        assert photos.to(torch.device("cpu")).weights({}).tolist() == photos.weights({}).tolist()


def test_a_source_without_validation_photos_adds_none(manifest_folder: Path, photo_folder: Path) -> None:
    alone = load_photos(manifest_folder, "val", 64)
    both = load_all([Source(manifest_folder), Source(photo_folder)], "val", 64)
    assert set(alone.names) <= set(both.names)
    assert alone.source_weights == both.source_weights == ()


def test_a_weight_stands_behind_an_equals_sign(tmp_path: Path) -> None:
    assert parse_source("corpus") == Source(Path("corpus"))
    assert parse_source("my=corpus=0.5") == Source(Path("my=corpus"), 0.5)
    odd = tmp_path / "a=2"
    odd.mkdir()
    assert parse_source(str(odd)) == Source(odd)
    for wrong in ("corpus=", "corpus=half", "corpus=0", "corpus=-1", "corpus=nan", "corpus=inf"):
        with pytest.raises(PhotosError, match="number above 0"):
            parse_source(wrong)


def test_shards_that_are_not_there_yet_are_left_out_aloud(
    manifest_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("manifest.csv", "shard-1.tar"):
        (tmp_path / name).write_bytes((manifest_folder / name).read_bytes())
    photos = load_photos(tmp_path, "train", 64)
    assert len(photos) == COUNT // 2
    assert "1 of 2 shards" in " ".join(capsys.readouterr().out.split())  # it is folded to the width
