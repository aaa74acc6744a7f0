from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import pytest

from inference.bench.tables import Goal, Table


@dataclass(frozen=True)
class Row:
    what: str
    megapixels: float
    pillow: Annotated[float | None, "Pillow, ms"]


TABLE = Table("Files", [Row("small", 0.5, 10.25), Row("large", 24, None)], [Goal("times Pillow", 1.7, at_most=1.6)])


def test_a_table_is_markdown_with_its_headings_and_goals() -> None:
    assert TABLE.text().splitlines() == [
        "### Files",
        "",
        "| what  | megapixels | Pillow, ms |",
        "| ----- | ---------: | ---------: |",
        "| small |        0.5 |       10.2 |",
        "| large |         24 |          – |",
        "",
        "- missed: 1.7 (at most 1.6) times Pillow",
    ]


def test_its_document_is_json_with_every_figure_unrounded() -> None:
    document = json.loads(json.dumps(TABLE.document()))
    assert document["rows"][0] == {"what": "small", "megapixels": 0.5, "pillow": 10.25}
    assert document["goals"][0]["reached"] is False


@pytest.mark.parametrize(("figure", "is_reached"), [(0.9, False), (1.0, True), (2.0, True), (2.1, False)])
def test_a_goal_is_reached_within_its_bounds(figure: float, is_reached: bool) -> None:
    assert Goal("it", figure, at_least=1, at_most=2).is_reached is is_reached
