"""Small copies of photos in tar files, and the manifest that says what they are."""

import csv
import io
import itertools
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from PIL import Image

from training.photos import square
from training.sources import MANIFEST, Entry

Format = Literal["avif", "webp", "jpeg"]
_SUFFIX = {"avif": ".avif", "webp": ".webp", "jpeg": ".jpg"}
# Speeds at which a core encodes some fifty photos a second.
_OPTIONS: dict[str, dict[str, Any]] = {
    "avif": {"speed": 8, "max_threads": 1},
    "webp": {"method": 4},
    "jpeg": {"optimize": True},
}
_MIB = 2**20
_TAR: Final = tarfile.GNU_FORMAT
"""Takes names of any length, as sets in deep folders have."""

Stored = TypeVar("Stored")
"""What :func:`write_shards` finds a photo's file by."""


@dataclass(frozen=True)
class Encoding:
    """How photos are kept: short side in pixels (never enlarged), quality 0..100, and whether as squares."""

    side: int = 160
    format: Format = "avif"
    quality: int = 50
    square: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the manifest."""

    file: str
    shard: str
    set: str
    split: str
    licence_class: str
    licence: str
    source: str
    original_path: str
    label: str
    width: int
    height: int
    mean_chroma: float
    sha1: str


def encode(photo: Image.Image, entry: Entry, encoding: Encoding) -> tuple[bytes, int, int]:
    """Return the photo's file, and its width and height in pixels.

    As a square it shows what :func:`training.photos.load_all` would have taken of the whole.
    """
    side = min(encoding.side, *photo.size)
    if encoding.square:
        photo = square(photo, entry, side)
    else:
        width, height = (round(length * side / min(photo.size)) for length in photo.size)
        photo = photo.resize((width, height), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    photo.save(file, encoding.format.upper(), quality=encoding.quality, **_OPTIONS[encoding.format])
    return file.getvalue(), *photo.size


def file_name(entry: Entry, sha1: str, encoding: Encoding) -> str:
    """Return the photo's name in its shard: set and beginning of the hash."""
    return f"{entry.set}/{sha1[:16]}{_SUFFIX[encoding.format]}"


def write_shards(
    folder: Path, split: str, photos: Sequence[tuple[Row, Stored]], read: Callable[[Stored], bytes], most_mib: float
) -> Iterator[Row]:
    """Write ``SPLIT-00.tar``, ``SPLIT-01.tar`` ... of at most ``most_mib`` MiB; yield the rows with their shards.

    The same photos give the same bytes.
    """
    room = int(most_mib * _MIB) - tarfile.RECORDSIZE
    done = 0
    for number in itertools.count():
        if done == len(photos):
            return
        name = f"{split}-{number:02d}.tar"
        partial = folder / f"{name}.partial"
        used = 0
        with tarfile.open(partial, "w", format=_TAR) as tar:
            for row, stored in photos[done:]:
                data = read(stored)
                info = tarfile.TarInfo(row.file)
                info.size = len(data)
                size = len(info.tobuf(_TAR)) + tarfile.BLOCKSIZE * -(-len(data) // tarfile.BLOCKSIZE)
                if used and used + size > room:
                    break
                tar.addfile(info, io.BytesIO(data))
                used += size
                done += 1
                yield replace(row, shard=name)
        partial.replace(folder / name)


def write_manifest(folder: Path, rows: Iterable[Row]) -> None:
    """Write ``manifest.csv``, all of it or nothing."""
    partial = folder / f"{MANIFEST}.partial"
    with partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, list(Row.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    partial.replace(folder / MANIFEST)
