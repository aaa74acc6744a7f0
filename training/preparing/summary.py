"""What came of a preparation, in figures and in pictures."""

import base64
import io
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined

from training.preparing.packing import Row
from training.preparing.screening import EXPLANATIONS, Reason, open_photo
from training.preparing.studio import Outcome
from training.sources import Entry, read_entries

PAGE = "summary.html"
_FIGURES = "summary.json"
_EXAMPLES = 30
_KEPT_EXAMPLES = 60
_HEIGHT = 110
_MIB = 2**20

Item = TypeVar("Item")


@dataclass(frozen=True)
class Dropped:
    """An image that is not kept, why, and for a duplicate the one kept in its place."""

    entry: Entry
    reason: Reason
    other: Entry | None = None


@dataclass(frozen=True)
class Summary:
    """The figures: images in all and in each set, kept (``kept``) and dropped by reason; MiB of each shard."""

    images: dict[str, int]
    sets: dict[str, dict[str, int]]
    splits: dict[str, int]
    shards: dict[str, float]

    @classmethod
    def load(cls, folder: Path) -> "Summary":
        """Read the summary of a finished preparation."""
        return cls(**json.loads((folder / _FIGURES).read_text(encoding="utf-8")))


@dataclass(frozen=True)
class _Example:
    picture: str
    other: str
    name: str


def write_summary(
    out: Path, worked: Sequence[tuple[Entry, Outcome]], dropped: Mapping[int, Dropped], rows: Sequence[Row]
) -> None:
    """Write ``summary.json`` and ``summary.html``.

    Args:
        out: the folder that holds the shards.
        worked: all images, with what became of each.
        dropped: those not kept, by their place in ``worked``.
        rows: the lines of the manifest.

    """
    fates = [
        (entry, dropped[place].reason.value if place in dropped else "kept") for place, (entry, _) in enumerate(worked)
    ]
    sets: dict[str, Counter[str]] = {}
    for entry, fate in fates:
        sets.setdefault(entry.set, Counter())[fate] += 1
    summary = Summary(
        images=dict(Counter(fate for _, fate in fates)),
        sets={name: dict(counts) for name, counts in sorted(sets.items())},
        splits=dict(Counter(row.split for row in rows)),
        shards={shard: round((out / shard).stat().st_size / _MIB, 1) for shard in sorted({row.shard for row in rows})},
    )
    kept = [entry for entry, fate in fates if fate == "kept"]
    page = Environment(
        loader=PackageLoader("training"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    ).get_template("prepare.html")
    (out / PAGE).write_text(
        page.render(
            summary=summary,
            reasons=[reason for reason in Reason if reason in summary.images],
            explanations=EXPLANATIONS,
            examples=_examples(list(dropped.values()), kept),
        ),
        encoding="utf-8",
        errors="replace",  # names that are no text
    )
    (out / _FIGURES).write_text(json.dumps(asdict(summary), indent=1), encoding="utf-8")


def _examples(dropped: Sequence[Dropped], kept: Sequence[Entry]) -> dict[str, list[_Example]]:
    """Choose examples of each reason, and of what was kept, and draw them."""
    chosen: dict[str, list[tuple[Entry, Entry | None]]] = {
        reason: [(one.entry, one.other) for one in _spread([one for one in dropped if one.reason == reason], _EXAMPLES)]
        for reason in Reason
        if reason != Reason.UNREADABLE
    }
    chosen["kept"] = [(entry, None) for entry in _spread(kept, _KEPT_EXAMPLES)]
    shown = {entry for pairs in chosen.values() for pair in pairs for entry in pair if entry}
    pictures = _pictures(shown)
    return {
        fate: [_Example(pictures[entry], pictures[other] if other else "", entry.member) for entry, other in pairs]
        for fate, pairs in chosen.items()
    }


def _spread(items: Sequence[Item], limit: int) -> list[Item]:
    count = min(limit, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def _pictures(entries: Collection[Entry]) -> dict[Entry, str]:
    """Draw small JPEGs as data URLs; empty ones of what can't be read."""
    by_container: dict[Path, list[Entry]] = {}
    for entry in entries:
        by_container.setdefault(entry.container, []).append(entry)
    return {
        entry: _picture(data)
        for group in by_container.values()
        for entry, data in zip(group, read_entries(group), strict=True)
    }


def _picture(data: bytes) -> str:
    opened = open_photo(data, _HEIGHT)
    if opened is None:
        return ""
    small = opened.photo
    small.thumbnail((2 * _HEIGHT, _HEIGHT))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
