"""Where photographs come from: image files in folders and tar files, with what a manifest says of them."""

import csv
import os
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp"}
MANIFEST = "manifest.csv"
_VALIDATION_SHARE = 0.03


class PhotosError(Exception):
    """The photos can't be read; the message says which path and why."""


@dataclass(frozen=True)
class Source:
    """Photos of one place, and how often each of them is drawn, relative to those of other places."""

    path: Path
    weight: float = 1.0


@dataclass(frozen=True)
class Entry:
    """One image of a source: where its bytes are, and what the manifest says of it."""

    container: Path
    member: str
    set: str
    split: str


def parse_source(text: str) -> Source:
    """Read ``PATH`` or ``PATH=WEIGHT`` as the command line gives it.

    Raises:
        PhotosError: the weight is no number above 0.

    """
    path, separator, weight = text.rpartition("=")
    if not separator or Path(text).exists():
        return Source(Path(text))
    try:
        number = float(weight)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise PhotosError(f"{text}: the weight behind '=' must be a number above 0")
    return Source(Path(path), number)


def list_entries(source: Path) -> Iterator[Entry]:
    """List the images of a tar file, of a folder of images, or of a folder of tar files.

    A ``manifest.csv`` in the folder (columns file, shard, set, split) says which images count and where they belong;
    shards that are not there yet are left out aloud. Without one, 3 % of the images become the split ``val``, by a hash
    of their names inside the source, and the others ``train``.

    Raises:
        PhotosError: there is no such source, a file called .tar is none, or the manifest lacks something.

    """
    if source.is_file():
        yield from _tar_entries(source)
    elif (source / MANIFEST).exists():
        yield from _manifest_entries(source)
    elif source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_dir():
                continue
            if path.suffix == ".tar":
                yield from _tar_entries(path)
            elif is_image(path):
                name = str(path.relative_to(source))
                yield Entry(source, name, path.parent.name or source.resolve().name, _hashed_split(name))
    else:
        raise PhotosError(f"{source} does not exist")


def is_image(path: Path) -> bool:
    """Whether a file is an image, as far as its name tells."""
    return path.suffix.lower() in SUFFIXES


def manifest_rows(source: Path) -> list[dict[str, str]]:
    """Return the rows of the folder's manifest; none where there is no manifest.

    Raises:
        PhotosError: it is no CSV file with the columns that are needed.

    """
    path = source / MANIFEST
    if not path.exists():
        return []
    try:
        # Spreadsheets put a mark at its beginning, and file names may be in another encoding.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            rows = list(csv.DictReader(file))
    except csv.Error as error:
        raise PhotosError(f"{path} is no CSV file: {error}") from error
    for number, row in enumerate(rows, 1):
        missing = [column for column in ("file", "set", "split") if row.get(column) is None]
        if missing:
            raise PhotosError(f"{path}: photo {number} has no {', '.join(missing)}")
    return rows


def container(source: Path, shard: str | None) -> Path:
    """Return where the images of a line of the manifest of ``source`` lie: in its shard, or in the folder itself."""
    return source / shard if shard else source


def read_entries(entries: Sequence[Entry]) -> Iterator[bytes]:
    """Read the files of entries that share one container, in their order; empty bytes for those that are not there."""
    place = entries[0].container
    if place.is_dir():
        for entry in entries:
            path = place / entry.member
            yield path.read_bytes() if path.exists() else b""
        return
    with tarfile.open(place) as tar:
        members = {member.name: member for member in tar}
        for entry in entries:
            member = members.get(entry.member)
            file = tar.extractfile(member) if member else None
            yield file.read() if file else b""


def chunks(entries: Sequence[Entry], size: int) -> list[list[Entry]]:
    """Divide entries into lists of at most ``size`` that share one container."""
    by_container: dict[Path, list[Entry]] = {}
    for entry in entries:
        by_container.setdefault(entry.container, []).append(entry)
    return [group[i : i + size] for group in by_container.values() for i in range(0, len(group), size)]


def _manifest_entries(source: Path) -> Iterator[Entry]:
    rows = manifest_rows(source)
    shards = {row.get("shard") or "" for row in rows}
    missing = {shard for shard in shards if shard and not (source / shard).exists()}
    if missing:
        left_out = sum(row.get("shard") in missing for row in rows)
        Console().print(f"{source}: {len(missing)} of {len(shards)} shards are not there; {left_out} photos left out")
    for row in rows:
        shard = row.get("shard") or ""
        if shard not in missing:
            yield Entry(container(source, shard), row["file"], row["set"], row["split"])


def _tar_entries(path: Path) -> Iterator[Entry]:
    try:
        with tarfile.open(path) as tar:
            for name in sorted(member.name for member in tar if member.isfile()):
                if is_image(Path(name)):
                    yield Entry(path, name, str(Path(name).parent), _hashed_split(name))
    except tarfile.TarError as error:
        raise PhotosError(f"{path} is no tar file: {str(error).splitlines()[0]}") from error


def _hashed_split(name: str) -> str:
    # tar's “./” in front must not move a photo that a folder's run has seen into the validation split.
    share = zlib.crc32(os.fsencode(name.removeprefix("./"))) / 2**32
    return "val" if share < _VALIDATION_SHARE else "train"
