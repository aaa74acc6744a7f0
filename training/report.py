"""The report of an evaluation: a folder with one HTML page that needs nothing from elsewhere, its pictures, a CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from inference.model.colorizer import Colorizer
from training.baselines import Predictor
from training.evaluate import Evaluation
from training.features import class_names
from training.gallery import ImageFile
from training.photos import Photos
from training.report_colors import planes, region_color, region_rows
from training.report_pictures import Plates, answers, most_misled, ranked
from training.tables import COLOR_COLUMNS, JUDGE_COLUMNS, Column, table_rows, write_csv

_SHOWN = 12
_FAILURES = 24


@dataclass(frozen=True)
class Subject:
    """What a report is about."""

    title: str
    """Of the page: which photos were scored."""
    colorizers: Mapping[str, Colorizer]
    """The weights compared, by name; the photos shown are chosen by the first one's success."""
    predictors: Mapping[str, Predictor]
    """How each of them predicts."""
    judge: str | None
    """Name of the judge of recognition; None where there was none."""


@dataclass(frozen=True)
class _Table:
    columns: Sequence[Column]
    rows: list[tuple[str, ...]]


def write_report(
    folder: Path, evaluation: Evaluation, photos: Photos, subject: Subject, old_photos: Sequence[ImageFile]
) -> Path:
    """Write the report; return the path of its page.

    Args:
        folder: where to write; files of an earlier report are replaced.
        evaluation: of ``photos``.
        photos: the photos that were scored.
        subject: what was compared.
        old_photos: black-and-white photos to show, recolored by the first weights.

    Raises:
        JudgeError: the names of the judge's classes are not installed.

    """
    first = next(iter(subject.colorizers))
    plates = Plates(folder, photos, subject.predictors)
    parts = {
        part: plates.strips(part, [index for index, _ in chosen], [f"{gain:+.1f} points of AuC" for _, gain in chosen])
        for part, chosen in ranked(evaluation, first, _SHOWN).items()
    }
    failures = []
    if subject.judge:
        classes = class_names()
        misled = most_misled(evaluation, first, _FAILURES)
        failures = plates.failures(misled, [answers(evaluation, first, index, classes) for index in misled])
    use = evaluation.outcomes[first].colors
    page = _template().render(
        subject=subject,
        first=first,
        count=len(photos),
        tables=[_Table(columns, table_rows(evaluation, columns)) for columns in _shown_columns(subject)],
        parts=parts,
        failures=failures,
        old=plates.old_photos(old_photos, subject.colorizers[first]),
        planes=planes(use),
        regions=region_rows(use),
        region_color=region_color,
    )
    write_csv(evaluation, folder / "table.csv")
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8", errors="replace")  # names that are no text
    return path


def _shown_columns(subject: Subject) -> list[Sequence[Column]]:
    return [COLOR_COLUMNS, JUDGE_COLUMNS] if subject.judge else [COLOR_COLUMNS]


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("training"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
