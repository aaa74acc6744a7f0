"""What a section reports: tables of dataclass rows, with goals; as text that is Markdown too, and as JSON.

@dataclass(frozen=True)
class Row:
    megapixels: float
    pillow: Annotated[float, "Pillow, ms"]

print(Table("Files", [Row(2, 40.1)], [Goal("times Pillow's decoding and encoding", 1.4, at_most=1.6)]).text())
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure with its bound: ``at_least``, ``at_most`` or both."""

    name: str
    figure: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_reached(self) -> bool:
        """Whether the figure is within its bounds."""
        above = self.at_least is None or self.figure >= self.at_least
        return above and (self.at_most is None or self.figure <= self.at_most)

    def text(self) -> str:
        """Return one line, such as ``reached: 1.4 (at most 1.6) times Pillow's time``."""
        bounds = (("at least", self.at_least), ("at most", self.at_most))
        asked = ", ".join(f"{word} {_shown(bound)}" for word, bound in bounds if bound is not None)
        return f"{'reached' if self.is_reached else 'missed'}: {_shown(self.figure)} ({asked}) {self.name}"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one dataclass; a column's heading is its field's name, or the text that ``Annotated`` gives."""

    title: str
    rows: Sequence[Any]
    goals: Sequence[Goal] = ()
    note: str = ""
    """What a reader has to know to judge the figures, in a sentence or two."""

    def text(self) -> str:
        """Return the table in Markdown, its columns aligned."""
        lines = [f"### {self.title}", ""]
        if self.rows:
            lines += [*_aligned([_headings(type(self.rows[0])), *map(_cells, self.rows)]), ""]
        lines += [f"- {goal.text()}" for goal in self.goals]
        if self.note:
            lines += ["", self.note] if self.goals else [self.note]
        return "\n".join(lines).rstrip() + "\n"

    def document(self) -> dict[str, Any]:
        """Return the table as it goes into JSON."""
        return {
            "title": self.title,
            "rows": [dataclasses.asdict(row) for row in self.rows],
            "goals": [dataclasses.asdict(goal) | {"reached": goal.is_reached} for goal in self.goals],
            "note": self.note,
        }


def _headings(row: type[Any]) -> list[str]:
    hints = get_type_hints(row, include_extras=True)
    return [_heading(field.name, hints[field.name]) for field in dataclasses.fields(row)]


def _heading(name: str, hint: object) -> str:
    if get_origin(hint) is Annotated:
        return str(get_args(hint)[1])
    return name.replace("_", " ")


def _cells(row: Any) -> list[str]:
    return [_shown(getattr(row, field.name)) for field in dataclasses.fields(row)]


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    # Words to the left; numbers to the right, as far as the first row tells.
    justify = [str.rjust if _is_number(cell) else str.ljust for cell in lines[1]]
    rows = [[just(cell, width) for cell, width, just in zip(line, widths, justify, strict=True)] for line in lines]
    rule = [
        "-" * (width - 1) + ":" if just is str.rjust else "-" * width
        for width, just in zip(widths, justify, strict=True)
    ]
    return ["| " + " | ".join(cells) + " |" for cells in (rows[0], rule, *rows[1:])]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
