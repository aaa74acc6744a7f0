"""The figures of an evaluation as rows: for the terminal, for CSV and for the report."""

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.table import Table

from training.evaluate import Evaluation, Judgement, Outcome


@dataclass(frozen=True)
class Column:
    """One figure of the tables: its heading, what it means, and how it is written."""

    heading: str
    meaning: str
    value: Callable[[Outcome, Evaluation], float | None]
    digits: int = 2
    factor: float = 1
    short: str = ""
    """The heading in a terminal, where the full one is too wide."""

    def text(self, outcome: Outcome, evaluation: Evaluation) -> str:
        """Write the figure; empty where there is none."""
        value = self.value(outcome, evaluation)
        return "" if value is None or math.isnan(value) else f"{value * self.factor:.{self.digits}f}"


def _ratio(value: float, true: float) -> float | None:
    return value / true if true > 0 else None


def _judged(read: Callable[[Judgement], float]) -> Callable[[Outcome, Evaluation], float | None]:
    return lambda outcome, _: read(outcome.judgement) if outcome.judgement else None


COLOR_COLUMNS = (
    Column("AuC %", "area under the curve of ab distances, thresholds 0 to 150", lambda o, _: o.scores.auc),
    Column(
        "rebalanced AuC %",
        "the same, pixels weighed by how rare their true colour is",
        lambda o, _: o.scores.rebalanced_auc,
        short="rebal. AuC %",
    ),
    Column("PSNR dB", "peak signal-to-noise ratio in sRGB, at most 60", lambda o, _: o.scores.psnr),
    Column("SSIM", "structural similarity in sRGB", lambda o, _: o.scores.ssim, digits=3),
    Column(
        "colourfulness",
        "mean colourfulness (Hasler & Süsstrunk), as a ratio to the truth's",
        lambda o, e: _ratio(o.scores.colorfulness, e.truth.scores.colorfulness),
        short="colour- fulness",
    ),
    Column("M", "mean colourfulness itself", lambda o, _: o.scores.colorfulness, digits=1),
    Column(
        "|ΔM|",
        "mean difference of a photo's colourfulness to its true one",
        lambda o, _: o.scores.colorfulness_error,
        digits=1,
    ),
    Column(
        "chroma",
        "mean chroma as a ratio to the truth's",
        lambda o, e: _ratio(o.scores.chroma, e.truth.scores.chroma),
    ),
)
JUDGE_COLUMNS = (
    Column(
        "agreement %",
        "photos on which the judge gives the answer that it gives on the original",
        _judged(lambda j: j.recognition.agreement),
        digits=1,
        factor=100,
        short="agrees %",
    ),
    Column(
        "gap closed %",
        "share of the gap from gray to original that recoloring closes; below 0 it misleads",
        _judged(lambda j: j.recognition.gap_closed),
        digits=1,
        factor=100,
    ),
    Column("from", "lower end of its 95 % interval", _judged(lambda j: j.recognition.gap_low), digits=1, factor=100),
    Column("to", "upper end of its 95 % interval", _judged(lambda j: j.recognition.gap_high), digits=1, factor=100),
    Column(
        "certainty closed %",
        "the same share for the probability that the judge gives its own answer",
        _judged(lambda j: j.recognition.certainty_closed),
        digits=1,
        factor=100,
        short="surety closed %",
    ),
    Column(
        "distance",
        "squared distance of the judge's mean logits to the originals', as a share of gray's",
        _judged(lambda j: j.recognition.distance),
        short="dis- tance",
    ),
    Column(
        "FD-EffLite",
        "Fréchet distance of the judge's features to the originals'",
        _judged(lambda j: j.frechet),
        short="FD- EffLite",
    ),
    Column(
        "KD-EffLite", "kernel distance of the same, × 1000", _judged(lambda j: j.kernel), digits=3, short="KD- EffLite"
    ),
)
COLUMNS = COLOR_COLUMNS + JUDGE_COLUMNS


def table_rows(evaluation: Evaluation, columns: Sequence[Column] = COLUMNS) -> list[tuple[str, ...]]:
    """Return one row a predictor: its name, and its figures as text."""
    return [
        (name, *(column.text(outcome, evaluation) for column in columns))
        for name, outcome in evaluation.outcomes.items()
    ]


def rich_table(title: str, evaluation: Evaluation, columns: Sequence[Column]) -> Table:
    """Lay the figures out for the terminal."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    rows = table_rows(evaluation, columns)
    table.add_column("", no_wrap=True)
    for index, column in enumerate(columns, 1):
        # In a narrow terminal the heading wraps, the figures never do.
        table.add_column(
            column.short or column.heading, justify="right", min_width=max(len(row[index]) for row in rows)
        )
    for row in rows:
        table.add_row(*row)
    return table


def write_csv(evaluation: Evaluation, path: Path) -> None:
    """Write all figures as CSV, one predictor a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        headings = ("", *(column.heading for column in COLUMNS))
        csv.writer(file).writerows([headings, *table_rows(evaluation)])
