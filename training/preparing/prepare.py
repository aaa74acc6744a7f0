"""One preparation, from images to shards: read :func:`prepare` from top to bottom."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.preparing.duplicates import find_duplicates
from training.preparing.packing import Encoding, Row, file_name, write_manifest, write_shards
from training.preparing.screening import Reason, Thresholds
from training.preparing.studio import Outcome, Studio
from training.preparing.summary import Dropped, Summary, write_summary
from training.sources import MANIFEST, Entry, PhotosError, container, list_entries, manifest_rows

_PLAN = "plan.json"
_WORK = ".work"


@dataclass(frozen=True)
class Settings:
    """What a preparation is told: what to keep, how, and the size of a shard in MiB."""

    encoding: Encoding = field(default_factory=Encoding)
    thresholds: Thresholds = field(default_factory=Thresholds)
    shard_mib: float = 55.0
    limit: int | None = None


def prepare(sources: Sequence[Path], out: Path, settings: Settings) -> Summary:
    """Screen images, drop duplicates, and write what is left into ``out`` as shards with a manifest and a summary.

    Killed at any moment, the same call goes on where it stopped and ends with the same files; a finished preparation
    is left as it is, and its summary returned. Every shard is a fair sample of its split.

    Raises:
        PhotosError: a source can't be read, nothing is left, or ``out`` holds something else.

    """
    entries = _entries(sources, settings.limit)
    _claim(out, entries, settings)
    if not (out / MANIFEST).exists():
        studio = Studio(out / _WORK, entries, settings.encoding, settings.thresholds)
        with _progress() as progress:
            worked = _worked(studio, progress, len(entries))
            dropped = find_dropped(worked)
            kept = [pair for place, pair in enumerate(worked) if place not in dropped]
            if not kept:
                raise PhotosError(f"none of the {len(entries)} images is worth keeping")
            rows = _written(out, kept, _details(sources), studio, settings, progress)
        write_summary(out, worked, dropped, rows)
        write_manifest(out, rows)
    shutil.rmtree(out / _WORK, ignore_errors=True)
    return Summary.load(out)


def find_dropped(worked: Sequence[tuple[Entry, Outcome]]) -> dict[int, Dropped]:
    """Say of each image that is not kept why, by its place."""
    dropped = {place: Dropped(entry, outcome.reason) for place, (entry, outcome) in enumerate(worked) if outcome.reason}
    fair = [place for place in range(len(worked)) if place not in dropped]
    outcomes = [worked[place][1] for place in fair]
    again = find_duplicates([outcome.fingerprint for outcome in outcomes], [outcome.pixels for outcome in outcomes])
    for index, first in again.items():
        dropped[fair[index]] = Dropped(worked[fair[index]][0], Reason.DUPLICATE, worked[fair[first]][0])
    return dropped


def _entries(sources: Sequence[Path], limit: int | None) -> list[Entry]:
    entries = [entry for source in sources for entry in list_entries(source)]
    if not entries:
        raise PhotosError(f"there are no images in {', '.join(map(str, sources))}")
    if limit is not None and limit < len(entries):
        return [entries[index * len(entries) // limit] for index in range(limit)]
    return entries


def _claim(out: Path, entries: Sequence[Entry], settings: Settings) -> None:
    """Note in the folder what it is for, or see that the note of an earlier call says the same."""
    names = json.dumps([(str(entry.container), entry.member, entry.set, entry.split) for entry in entries])
    plan = {**asdict(settings), "images": len(entries), "names": hashlib.sha256(names.encode()).hexdigest()}
    path = out / _PLAN
    if path.exists():
        if json.loads(path.read_text(encoding="utf-8")) != plan:
            raise PhotosError(f"{out} was prepared from other images or with other options; choose another folder")
        return
    if out.exists() and any(out.iterdir()):
        raise PhotosError(f"{out} holds something else; choose a new folder")
    out.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(plan, indent=1), encoding="utf-8")
    partial.replace(path)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )


def _worked(studio: Studio, progress: Progress, count: int) -> list[tuple[Entry, Outcome]]:
    task = progress.add_task("screening", total=count)
    worked: list[tuple[Entry, Outcome]] = []
    for chunk in studio.work():
        worked += chunk
        progress.update(task, completed=len(worked))
    return worked


def _details(sources: Sequence[Path]) -> dict[tuple[Path, str], dict[str, str]]:
    """Return what the sources' manifests say, by container and name."""
    return {
        (container(source, row.get("shard")), row["file"]): row for source in sources for row in manifest_rows(source)
    }


def _written(
    out: Path,
    kept: Sequence[tuple[Entry, Outcome]],
    details: Mapping[tuple[Path, str], Mapping[str, str]],
    studio: Studio,
    settings: Settings,
    progress: Progress,
) -> list[Row]:
    """Write the shards; return the lines of the manifest."""
    task = progress.add_task("writing shards", total=len(kept))
    splits: dict[str, list[tuple[Row, Outcome]]] = {}
    for entry, outcome in kept:
        known = details.get((entry.container, entry.member), {})
        splits.setdefault(entry.split, []).append((_row(entry, outcome, known, settings.encoding), outcome))
    rows = []
    for split in sorted(splits):
        # Hashes are in no order that means anything, so every shard gets photos of every set.
        photos = sorted(splits[split], key=lambda pair: (pair[0].sha1, pair[0].file))
        for row in write_shards(out, split, photos, studio.file, settings.shard_mib):
            rows.append(row)
            progress.advance(task)
    return rows


def _row(entry: Entry, outcome: Outcome, known: Mapping[str, str], encoding: Encoding) -> Row:
    sha1 = known.get("sha1") or outcome.sha1
    return Row(
        file=file_name(entry, sha1, encoding),
        shard="",
        set=entry.set,
        split=entry.split,
        licence_class=known.get("licence_class", ""),
        licence=known.get("licence", ""),
        source=known.get("source") or entry.container.resolve().name,
        original_path=known.get("original_path") or entry.member,
        label=known.get("label", ""),
        width=outcome.width,
        height=outcome.height,
        mean_chroma=outcome.mean_chroma,
        sha1=sha1,
    )
