"""The whole way from photos and weights to tables and the report, on the command line."""

import csv
import io
import re
import tarfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from PIL import Image

from inference.model.colorizer import Configuration, save_weights
from inference.model.topdown import TopDown
from training.__main__ import main
from training.baselines import Colored, half_saturated
from training.evaluate import evaluate
from training.features import Judge, Verdicts
from training.photos import Photos, load_photos
from training.report_pictures import most_misled, ranked


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_weights(path, TopDown(), Configuration(shapes=((64, 64),)))
    return path


@pytest.fixture(scope="module")
def old_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("old") / "old.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("well", "mill"):
            file = io.BytesIO()
            Image.linear_gradient("L").resize((70, 50)).save(file, "JPEG")
            entry = tarfile.TarInfo(f"legacy/{name}.jpg")
            entry.size = file.tell()
            tar.addfile(entry, io.BytesIO(file.getvalue()))
    return path


@pytest.fixture(scope="module")
def report(
    tmp_path_factory: pytest.TempPathFactory, manifest_folder: Path, weights: Path, old_photos: Path
) -> tuple[Path, str]:
    """The folder of a report, and its page."""
    folder = tmp_path_factory.mktemp("report")
    arguments = ["--photos", str(manifest_folder), "--side", "64", "--device", "cpu", "--legacy", str(old_photos)]
    named = [f"sharp={weights}", f"<b>soft={weights}"]
    assert main(["evaluate", *arguments, "--weights", *named, "--temperature", "0.5", "--out", str(folder)]) == 0
    return folder, (folder / "index.html").read_text(encoding="utf-8")


def test_the_csv_has_every_predictor_beside_gray_and_truth(report: tuple[Path, str]) -> None:
    with (report[0] / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = {row[""]: row for row in csv.DictReader(file)}
    assert list(rows) == ["gray", "mean colour", "ceiling at 64", "sharp", "<b>soft", "truth"]
    auc = {name: float(row["AuC %"]) for name, row in rows.items()}
    assert auc["gray"] < auc["ceiling at 64"] < auc["truth"] == 100
    assert float(rows["gray"]["colourfulness"]) == pytest.approx(0, abs=0.02)
    assert float(rows["truth"]["colourfulness"]) == 1
    distances = [float(rows[name]["FD-EffLite"]) for name in ("gray", "ceiling at 64", "truth")]
    assert distances == sorted(distances, reverse=True)
    assert float(rows["gray"]["distance"]) == 1
    assert rows["truth"]["agreement %"] == "100.0"


class _References(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.files: list[str] = []
        self.anchors: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href") and value:
                (self.anchors if value.startswith("#") else self.files).append(value.lstrip("#"))
            if name == "id" and value:
                self.ids.append(value)


def test_the_page_needs_nothing_from_elsewhere(report: tuple[Path, str]) -> None:
    folder, page = report
    references = _References()
    references.feed(page)
    assert "table.csv" in references.files
    assert all((folder / file).is_file() for file in references.files)
    assert set(references.anchors) <= set(references.ids)
    assert not re.search(r"https?://|@import|url\(", page)
    pictures = {path.name for path in (folder / "pictures").iterdir()}
    assert {"best-01.jpg", "median-01.jpg", "worst-01.jpg", "old-01.jpg", "old-02.jpg"} <= pictures


def test_names_are_escaped_and_old_photos_named(report: tuple[Path, str]) -> None:
    page = report[1]
    assert "<b>soft" not in page
    assert "&lt;b&gt;soft" in page
    assert "well.jpg" in page


def test_strips_show_gray_each_of_the_weights_and_the_truth(report: tuple[Path, str]) -> None:
    with Image.open(report[0] / "pictures" / "best-01.jpg") as strip:
        assert strip.size == (4 * 64 + 3 * 4, 64)


def test_without_a_judge_there_is_no_recognition(
    manifest_folder: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--photos", str(manifest_folder), "--weights", str(weights), "--side", "64", "--limit", "4"]
    assert main(["evaluate", *arguments, "--judge", "none", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert "topdown-lite0-" in printed
    assert "agreement" not in printed


def test_the_same_name_twice_is_refused(
    manifest_folder: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--photos", str(manifest_folder), "--weights", f"a={weights}", f"a={weights}", "--judge", "none"]
    assert main(["evaluate", *arguments]) == 2
    assert "named 'a'" in capsys.readouterr().err


class _RednessJudge(Judge):
    """Answers class 0 unless the picture's first pixel is rather red; its features are mean colours."""

    def __init__(self) -> None:
        self.name = "lite2"

    def __call__(self, srgb: torch.Tensor) -> Verdicts:
        redness = srgb[:, 0, 0, 0] - srgb[:, 2, 0, 0]
        logits = torch.zeros(len(srgb), 1000)
        logits[:, 0], logits[:, 1] = 10, 100 * redness
        return Verdicts(logits, srgb.mean((2, 3)))


@pytest.fixture(scope="module")
def photos(manifest_folder: Path) -> Photos:
    return load_photos(manifest_folder, "val", 32)


def test_photos_are_ranked_by_their_gain_over_gray(photos: Photos) -> None:
    evaluation = evaluate(photos, {"half": half_saturated}, torch.full((313,), 1 / 313))
    parts = ranked(evaluation, "half", 3)
    gains = [gain for part in ("best", "median", "worst") for _, gain in parts[part]]
    assert gains[0] == max(gains)
    assert parts["worst"][0][1] == min(gains) > 0
    assert parts["worst"][0][1] <= parts["worst"][2][1] <= parts["median"][2][1] <= parts["best"][2][1]


def _red(photos: Colored) -> torch.Tensor:
    return torch.tensor([60.0, 40.0]).view(1, 2, 1, 1).expand_as(photos.ab)


def test_failures_are_photos_that_the_judge_knew_when_gray(photos: Photos) -> None:
    evaluation = evaluate(photos, {"red": _red, "half": half_saturated}, torch.full((313,), 1 / 313), _RednessJudge())
    assert most_misled(evaluation, "red", 5)
    assert not most_misled(evaluation, "half", 5)
    judgement = evaluation.outcomes["red"].judgement
    assert judgement
    assert judgement.recognition.agreement == 0


def test_ways_of_decoding_are_compared(manifest_folder: Path, weights: Path, tmp_path: Path) -> None:
    arguments = ["--photos", str(manifest_folder), "--side", "64", "--device", "cpu", "--judge", "none"]
    ways = ["--temperature", "0", "1", "--chroma", "1", "0.5"]
    assert main(["evaluate", *arguments, "--weights", f"random={weights}", *ways, "--out", str(tmp_path)]) == 0
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        chroma = {row[""]: float(row["chroma"]) for row in csv.DictReader(file)}
    names = ["random, T 0, × 1", "random, T 0, × 0.5", "random, T 1, × 1", "random, T 1, × 0.5"]
    assert list(chroma) == ["gray", "mean colour", "ceiling at 64", *names, "truth"]
    assert chroma[names[0]] > chroma[names[2]], "the mode is more vivid than the mean"
    assert chroma[names[3]] == pytest.approx(chroma[names[2]] / 2, rel=0.15)
