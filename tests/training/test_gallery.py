import tarfile
from pathlib import Path

import pytest
from PIL import Image

from inference.model.colorizer import Configuration, save_weights
from inference.model.topdown import TopDown
from training.__main__ import main


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_weights(path, TopDown(), Configuration())
    return path


def test_a_sheet_shows_each_photo_beside_its_recolored_self(tmp_path: Path, weights: Path) -> None:
    gray = Image.linear_gradient("L").resize((80, 60))
    for name in ("a", "b", "c"):
        gray.save(tmp_path / f"{name}.png")
    photos = [str(tmp_path / f"{name}.png") for name in ("a", "b", "c")]
    sheet_path = tmp_path / "out" / "sheet.png"
    arguments = ["--out", str(sheet_path), "--weights", str(weights), "--width", "400", "--height", "60"]
    assert main(["sheet", *photos, *arguments]) == 0
    with Image.open(sheet_path) as sheet:
        # Two pairs of 160 x 60 in the first row, widened until they fill it; the third in a second row.
        assert sheet.width == 400
        assert 130 < sheet.height < 180
        posted = sheet.convert("RGB").crop((2, 2, 80, 60))
        assert all(low == high for low, high in zip(*_channel_means(posted), strict=True))


def test_a_sheet_of_aged_photos_is_gray_and_shows_several_versions(tmp_path: Path, photo_folder: Path) -> None:
    sheet_path = tmp_path / "aged.png"
    arguments = ["--out", str(sheet_path), "--aged", "--limit", "2", "--width", "400", "--height", "64"]
    assert main(["sheet", str(photo_folder), *arguments]) == 0
    with Image.open(sheet_path) as sheet:
        assert sheet.size == (6 * 68, 2 * 68)
        version = sheet.convert("RGB").crop((140, 4, 200, 60))
        assert all(low == high for low, high in zip(*_channel_means(version), strict=True))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    assert main(["sheet", str(broken), *arguments]) == 2


def _channel_means(picture: Image.Image) -> tuple[list[int], list[int]]:
    """Return the least and the greatest channel of each pixel."""
    pixels = list(zip(*(band.tobytes() for band in picture.split()), strict=True))
    return [min(pixel) for pixel in pixels], [max(pixel) for pixel in pixels]


def test_a_missing_photo_is_named(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "missing.jpg")
    assert main(["sheet", missing, "--out", str(tmp_path / "sheet.png"), "--weights", str(weights)]) == 2
    assert "missing.jpg does not exist" in capsys.readouterr().err


def test_a_tar_file_may_hold_more_than_images(tmp_path: Path, photo_folder: Path, weights: Path) -> None:
    (tmp_path / "LICENCE.txt").write_text("public domain")
    with tarfile.open(tmp_path / "old.tar", "w") as tar:
        tar.add(tmp_path / "LICENCE.txt", "LICENCE.txt")
        tar.add(photo_folder / "000.png", "000.png")
    sheet_path = tmp_path / "sheet.png"
    assert main(["sheet", str(tmp_path / "old.tar"), "--out", str(sheet_path), "--weights", str(weights)]) == 0
    assert sheet_path.exists()


def test_what_can_not_be_shown_is_named(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "none").mkdir()
    for source, complaint in (("broken.png", "broken.png: That file isn't a picture"), ("none", "there are no images")):
        for aged in ([], ["--aged"]):
            options = ["--out", str(tmp_path / "sheet.png"), "--weights", str(weights), *aged]
            assert main(["sheet", str(tmp_path / source), *options]) == 2
            assert aged or complaint in capsys.readouterr().err
