import csv
import hashlib
import io
import os
import random
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageCms

from inference.bench.family import family_of
from inference.model.color import srgb_from_lab
from tests.training.conftest import COUNT
from training.__main__ import main
from training.photos import PhotosError, load_all, load_photos
from training.preparing.duplicates import find_duplicates, fingerprint
from training.preparing.packing import Encoding
from training.preparing.prepare import Settings, prepare
from training.preparing.screening import Reason, Thresholds, drop_reason, measure, open_photo
from training.preparing.summary import Summary
from training.sources import Source, manifest_rows

SETTINGS = Settings(Encoding(side=64, format="webp"), Thresholds(side=64))


def _colorful(seed: int, width: int = 144, height: int = 108) -> Image.Image:
    """A picture with soft patches of many colours, and a little texture."""
    chance = np.random.default_rng(seed)
    patches = Image.fromarray(chance.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    smooth = np.asarray(patches.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    return Image.fromarray((smooth + chance.normal(0, 4, smooth.shape)).clip(0, 255).astype(np.uint8))


def _toned(photo: Image.Image, quality: int) -> Image.Image:
    """The photo printed brown on cream, and saved as a JPEG."""
    gray = np.asarray(photo.convert("L"))[..., None] / 255
    dark, light = np.array([40, 25, 12]), np.array([250, 235, 205])
    file = io.BytesIO()
    Image.fromarray((dark + (light - dark) * gray).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _equally_bright() -> np.ndarray:
    """Patches of many hues that all have the lightness 60."""
    ab = torch.nn.functional.interpolate(torch.randn(1, 2, 6, 6, generator=torch.Generator().manual_seed(0)) * 20, 108)
    lab = torch.cat((torch.full((1, 1, 108, 108), 60.0), ab), 1)
    return (srgb_from_lab(lab)[0].permute(1, 2, 0) * 255).to(torch.uint8).numpy()


def _reason(photo: Image.Image) -> Reason | None:
    file = io.BytesIO()
    photo.save(file, "PNG")
    opened = open_photo(file.getvalue(), 64)
    assert opened
    return drop_reason(measure(opened), Thresholds())


def _files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _lives(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())  # empty, where nobody has asked how it ended
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture(scope="module")
def mixed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty photos worth keeping, and one of each kind that is not."""
    folder = tmp_path_factory.mktemp("mixed")
    for index in range(30):
        _colorful(index).save(folder / f"{index:02}.png")
    photo = _colorful(50)
    photo.convert("L").save(folder / "gray.jpg")
    _toned(photo, 80).save(folder / "sepia.png")
    _colorful(51, 48, 80).save(folder / "tiny.png")
    Image.fromarray(_equally_bright()).save(folder / "flat.png")
    cut_out = _colorful(52).convert("RGBA")
    cut_out.paste((0, 0, 0, 0), (0, 0, 60, 60))
    cut_out.save(folder / "transparent.png")
    (folder / "unreadable.jpg").write_bytes(b"this is no picture")
    _colorful(7).resize((100, 75)).save(folder / "again.jpg", quality=60)
    (folder / "same.png").write_bytes((folder / "08.png").read_bytes())
    return folder


def test_each_kind_is_dropped_for_its_reason(mixed_folder: Path, tmp_path: Path) -> None:
    summary = prepare([mixed_folder], tmp_path / "out", SETTINGS)
    assert summary.images == {
        "kept": 30,
        "gray": 1,
        "sepia": 1,
        "tiny": 1,
        "flat": 1,
        "transparent": 1,
        "unreadable": 1,
        "duplicate": 2,
    }
    kept = {row["original_path"] for row in _rows(tmp_path / "out")}
    assert kept == {f"{index:02}.png" for index in range(30)}
    page = (tmp_path / "out" / "summary.html").read_text(encoding="utf-8")
    assert "30 of 38 images kept" in page
    # Thirty kept, five dropped but for the unreadable one, and two beside those kept in their place.
    assert page.count("<img ") == 30 + 5 + 2 * 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "manifest.csv",
        "plan.json",
        "summary.html",
        "summary.json",
        "train-00.tar",
    ]


def test_shards_are_small_alike_and_what_training_reads(mixed_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = Settings(Encoding(side=64, format="jpeg", quality=90), Thresholds(side=64), shard_mib=0.04)
    summary = prepare([mixed_folder], out, settings)
    shards = sorted(out.glob("train-*.tar"))
    assert len(shards) > 1
    assert all(shard.stat().st_size <= 0.04 * 2**20 for shard in shards)
    assert summary.splits["train"] == len(load_photos(out, "train", 64))
    for row in _rows(out):
        with tarfile.open(out / row["shard"]) as tar:
            file = tar.extractfile(row["file"])
            assert file
            picture = Image.open(file)
            assert picture.size == (int(row["width"]), int(row["height"]))
            assert min(picture.size) == 64


def test_squares_show_what_training_would_have_seen(mixed_folder: Path, tmp_path: Path) -> None:
    encoding = Encoding(side=64, format="jpeg", quality=95, square=True)
    prepare([mixed_folder], tmp_path / "out", Settings(encoding, Thresholds(side=64)))
    direct = load_photos(mixed_folder, "train", 64)
    packed = load_photos(tmp_path / "out", "train", 64)
    places = {row["file"]: row["original_path"] for row in _rows(tmp_path / "out")}
    for name, pixels in zip(packed.names, packed.pixels, strict=True):
        original = direct.pixels[direct.names.index(places[name])]
        assert (pixels.float() - original.float()).abs().mean() < 6


def test_a_manifest_is_carried_on(manifest_folder: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for shard in manifest_folder.glob("*.tar"):
        (corpus / shard.name).write_bytes(shard.read_bytes())
    lines = (manifest_folder / "manifest.csv").read_text(encoding="utf-8").splitlines()
    extended = [f"{lines[0]},licence,label,sha1", *(f"{line},CC0,sky,{n:040x}" for n, line in enumerate(lines[1:]))]
    (corpus / "manifest.csv").write_text("\n".join(extended), encoding="utf-8")
    # The photos of the fixture are much alike; as many are kept as are told apart.
    prepare([corpus], tmp_path / "out", SETTINGS)
    rows = _rows(tmp_path / "out")
    assert 1 < len(rows) <= COUNT
    for row in rows:
        number = int(row["original_path"].removeprefix("made/").removesuffix(".png"))
        assert (row["split"] == "val") == (number % 4 == 0)
        assert (row["set"], row["licence"], row["label"]) == ("made", "CC0", "sky")
        assert row["file"] == f"made/{row['sha1'][:16]}.webp"


def test_folders_may_be_deep_or_the_one_that_is_worked_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "/".join(["a folder with a rather long name"] * 8)
    photos, tar = tmp_path / "photos", tmp_path / "deep.tar"
    photos.mkdir()
    for number in range(2):
        _colorful(number).save(photos / f"{number}.png")
    with tarfile.open(tar, "w") as file:
        file.add(photos / "0.png", f"{deep}/0.png")
    (photos / "0.png").unlink()
    monkeypatch.chdir(photos)
    prepare([tar, Path()], tmp_path / "out", SETTINGS)
    rows = sorted(_rows(tmp_path / "out"), key=lambda row: len(row["file"]))
    assert [(row["set"], row["source"]) for row in rows] == [("photos", "photos"), (deep, "deep.tar")]
    assert all(row["file"].startswith(f"{row['set']}/") for row in rows)
    splits = [load_photos(tmp_path / "out", split, 64).names for split in {row["split"] for row in rows}]
    assert sorted(name for names in splits for name in names) == sorted(row["file"] for row in rows)


def test_names_in_another_encoding_are_kept(tmp_path: Path) -> None:
    names = [os.fsdecode(f"{number} café/é.png".encode("latin-1")) for number in range(2)]
    for number, name in enumerate(names):
        (tmp_path / "photos" / name).parent.mkdir(parents=True)
        _colorful(number).save(tmp_path / "photos" / name)
    prepare([tmp_path / "photos"], tmp_path / "out", SETTINGS)
    assert sorted(row["original_path"] for row in manifest_rows(tmp_path / "out")) == names
    loaded = [load_photos(tmp_path / "out", split, 64) for split in Summary.load(tmp_path / "out").splits]
    assert sorted(name for photos in loaded for name in photos.sets) == [name.partition("/")[0] for name in names]


def test_the_larger_of_two_sources_is_kept(mixed_folder: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.mkdir()
    _colorful(3).resize((400, 300)).save(large / "big.jpg", quality=70)
    prepare([mixed_folder, large], tmp_path / "out", SETTINGS)
    kept = {row["original_path"] for row in _rows(tmp_path / "out")}
    assert "big.jpg" in kept
    assert "03.png" not in kept


def test_killed_it_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    source = tmp_path / "many"
    for number in range(6):
        (source / f"set{number}").mkdir(parents=True)
        for index in range(40):
            _colorful(100 * number + index, 100, 90).save(source / f"set{number}" / f"{index}.bmp")
    reference = tmp_path / "reference"
    settings = Settings(Encoding(side=64), Thresholds(side=64))
    prepare([source], reference, settings)
    # A photo that doesn't come keeps the second half unfinished until the kill.
    last = sorted(source.rglob("*.bmp"))[-1]
    photo = last.read_bytes()
    last.unlink()
    os.mkfifo(last)
    killed = tmp_path / "killed"
    call = [sys.executable, "-m", "training", "prepare", str(source), "--smallest", "64", "--side", "64", "--out"]
    process = subprocess.Popen([*call, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(killed.glob(".work/*.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    readers = family_of(process.pid)[1:]
    assert readers
    process.kill()
    process.wait()
    while any(map(_lives, readers)):
        assert time.monotonic() < deadline, "its processes go on without it"
        time.sleep(0.01)
    assert not (killed / "manifest.csv").exists()
    last.unlink()
    last.write_bytes(photo)
    # What was finished is not done again: it wouldn't find the photo.
    number = int(next(iter(killed.glob(".work/*.json"))).stem)
    sorted(source.rglob("*.bmp"))[128 * number].write_bytes(b"gone")
    prepare([source], killed, settings)
    pages = (_files(killed), _files(reference))
    assert all(page.pop("summary.html") for page in pages)
    assert pages[0] == pages[1]


def test_finished_work_is_not_done_again(mixed_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    first = prepare([mixed_folder], out, SETTINGS)
    before = _files(out)
    monkeypatch.setattr("training.preparing.prepare.Studio", None)
    assert prepare([mixed_folder], out, SETTINGS) == first == Summary.load(out)
    assert _files(out) == before


def test_a_folder_in_use_is_left_alone(mixed_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    prepare([mixed_folder], out, SETTINGS)
    with pytest.raises(PhotosError, match="choose another folder"):
        prepare([mixed_folder], out, Settings(Encoding(side=32), Thresholds(side=64)))
    with pytest.raises(PhotosError, match="something else"):
        prepare([mixed_folder], mixed_folder, SETTINGS)
    assert main(["prepare", str(mixed_folder), "--out", str(mixed_folder)]) == 2
    assert "choose a new folder" in capsys.readouterr().err


def test_nothing_worth_keeping_is_said(tmp_path: Path) -> None:
    source = tmp_path / "gray"
    source.mkdir()
    _colorful(1).convert("L").save(source / "gray.png")
    with pytest.raises(PhotosError, match="none of the 1 images"):
        prepare([source], tmp_path / "out", SETTINGS)
    with pytest.raises(PhotosError, match="does not exist"):
        prepare([tmp_path / "nowhere"], tmp_path / "out", SETTINGS)


def test_a_photo_of_other_primaries_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # its right side is up: a telephone held upright
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = (int.from_bytes(profile[profile.index(name) + 4 :][:4], "big") for name in (b"rXYZ", b"gXYZ"))
    profile[red : red + 20], profile[green : green + 20] = profile[green : green + 20], profile[red : red + 20]
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40, 0] = 200
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=exif, icc_profile=bytes(profile))
    opened = open_photo((tmp_path / "photo.png").read_bytes(), 20)
    assert opened
    assert opened.photo.size == (40, 80)
    red, green, _ = opened.photo.getpixel((20, 20))
    assert (red, green) == (0, 200)


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_toned_prints_are_told_from_colour(quality: int) -> None:
    for seed in range(5):
        assert _reason(_colorful(seed)) is None
        assert _reason(_toned(_colorful(seed), quality)) == Reason.SEPIA
        assert _reason(_colorful(seed).convert("L").convert("RGB")) == Reason.GRAY


def test_a_gray_photo_with_one_red_thing_is_kept() -> None:
    photo = _colorful(3).convert("L").convert("RGB")
    photo.paste((190, 30, 30), (20, 20, 60, 60))
    assert _reason(photo) is None


def test_duplicates_are_found_through_scaling_and_compression_and_nothing_else_is() -> None:
    photos = [_colorful(seed) for seed in range(60)]
    chance = random.Random(0)
    copies = []
    for photo in photos:
        file = io.BytesIO()
        side = chance.randint(60, 200)
        photo.resize((side, side * 3 // 4 + chance.randint(-2, 2))).save(file, "JPEG", quality=chance.randint(35, 90))
        copies.append(Image.open(file))
    prints = [fingerprint(photo) for photo in [*copies, *photos]]
    found = find_duplicates(prints, [10] * 60 + [20] * 60)
    assert found == {index: index + 60 for index in range(60)}


def test_packed_pieces_join_one_after_the_other(mixed_folder: Path, tmp_path: Path) -> None:
    """The shards of a preparation may arrive one by one, each with the same manifest."""
    out = tmp_path / "out"
    prepare([mixed_folder], out, Settings(Encoding(side=64, format="jpeg"), Thresholds(side=64), shard_mib=0.04))
    whole = load_photos(out, "train", 64)
    shards = sorted(out.glob("train-*.tar"))
    shards[-1].rename(tmp_path / shards[-1].name)
    part = load_all([Source(out)], "train", 64)
    assert 0 < len(part) < len(whole)
    assert torch.equal(part.pixels[0], whole.pixels[whole.names.index(part.names[0])])
