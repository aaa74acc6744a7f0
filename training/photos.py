"""Photographs in memory: folders or tar files of images, decoded once into one uint8 tensor."""

import csv
import hashlib
import io
import json
import os
import random
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from rich.console import Console
from rich.progress import track
from torch import Tensor

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp"}
_VALIDATION_SHARE = 0.03


class PhotosError(Exception):
    """The photos can't be read; the message says which path and why."""


@dataclass(frozen=True)
class Photos:
    """Square photos, uint8 ``(N, 3, S, S)`` sRGB, with the name and the set of each."""

    pixels: Tensor
    names: tuple[str, ...]
    sets: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def weights(self, by_set: dict[str, float]) -> Tensor:
        """Return how often each photo is drawn, float32 ``(N,)``, relative."""
        return torch.tensor([by_set.get(name, 1.0) for name in self.sets])

    def to(self, device: torch.device) -> "Photos":
        """Return the photos with their pixels on ``device``."""
        return Photos(self.pixels.to(device), self.names, self.sets)


@dataclass(frozen=True)
class _Entry:
    """One image of a source: where its bytes are, and what the manifest says of it."""

    container: Path
    member: str
    set: str
    split: str


def load_photos(source: Path, split: str, side: int, *, cache: Path | None = None, limit: int | None = None) -> Photos:
    """Read the photos of one split.

    Args:
        source: a tar file, a folder of images, or a folder of tar files; a ``manifest.csv`` in the folder (columns
            file, shard, set, split) says which images count and where they belong. Without one, 3 % of the images
            become the validation split, by a hash of their names.
        split: ``train`` or ``val``.
        side: photos are scaled to this short side and cropped to a square, in pixels.
        cache: folder that keeps the decoded tensor for the next run; it is mapped, not read. It goes by the photos'
            names: take another folder when photos change under their old names.
        limit: at most so many photos, spread evenly over the source.

    Raises:
        PhotosError: there is no such source, or it holds no readable image of this split.

    """
    entries = [entry for entry in _entries(source) if entry.split == split]
    if limit is not None and limit < len(entries):
        entries = [entries[index * len(entries) // limit] for index in range(limit)]
    if not entries:
        raise PhotosError(f"{source} holds no images of the split {split!r}")
    if cache is None:
        return _decode_all(entries, side, np.empty((len(entries), 3, side, side), np.uint8))
    return _cached(entries, side, cache)


def _cached(entries: Sequence[_Entry], side: int, cache: Path) -> Photos:
    key = hashlib.sha256(json.dumps([side, *([str(e.container), e.member] for e in entries)]).encode()).hexdigest()[:16]
    pixels_path, index_path = cache / f"{key}.npy", cache / f"{key}.json"
    if not index_path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        shape = (len(entries), 3, side, side)
        target = np.lib.format.open_memmap(pixels_path, mode="w+", dtype=np.uint8, shape=shape)
        photos = _decode_all(entries, side, target)
        target.flush()
        index_path.write_text(json.dumps({"names": photos.names, "sets": photos.sets}), encoding="utf-8")
    index = json.loads(index_path.read_text(encoding="utf-8"))
    pixels = torch.from_numpy(np.load(pixels_path, mmap_mode="c"))[: len(index["names"])]
    return Photos(pixels, tuple(index["names"]), tuple(index["sets"]))


def _entries(source: Path) -> Iterator[_Entry]:
    if source.is_file():
        yield from _tar_entries(source)
    elif (source / "manifest.csv").exists():
        with (source / "manifest.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                container = source / row["shard"] if row.get("shard") else source
                yield _Entry(container, row["file"], row["set"], row["split"])
    elif source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix == ".tar":
                yield from _tar_entries(path)
            elif path.suffix.lower() in _SUFFIXES:
                name = str(path.relative_to(source))
                yield _Entry(source, name, path.parent.name, _hashed_split(name))
    else:
        raise PhotosError(f"{source} does not exist")


def _tar_entries(path: Path) -> Iterator[_Entry]:
    try:
        with tarfile.open(path) as tar:
            for name in sorted(member.name for member in tar if member.isfile()):
                if Path(name).suffix.lower() in _SUFFIXES:
                    yield _Entry(path, name, str(Path(name).parent), _hashed_split(name))
    except tarfile.TarError as error:
        raise PhotosError(f"{path} is no tar file: {error}") from error


def _hashed_split(name: str) -> str:
    return "val" if zlib.crc32(name.encode()) / 2**32 < _VALIDATION_SHARE else "train"


def _decode_all(entries: Sequence[_Entry], side: int, target: np.ndarray) -> Photos:
    """Decode into ``target`` in parallel; images that can't be read are left out, and counted aloud."""
    by_container: dict[Path, list[_Entry]] = {}
    for entry in entries:
        by_container.setdefault(entry.container, []).append(entry)
    chunks = [group[i : i + 512] for group in by_container.values() for i in range(0, len(group), 512)]
    names: list[str] = []
    sets: list[str] = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        decoded = pool.map(_decode_chunk, chunks, [side] * len(chunks))
        for chunk, photos in track(zip(chunks, decoded, strict=True), "decoding photos", total=len(chunks)):
            for entry, photo in zip(chunk, photos, strict=True):
                if photo is not None:
                    target[len(names)] = photo
                    names.append(entry.member)
                    sets.append(entry.set)
    if len(names) < len(entries):
        Console().print(f"{len(entries) - len(names)} of {len(entries)} images can't be read and were left out")
    if not names:
        raise PhotosError(f"none of the {len(entries)} images under {entries[0].container} can be read")
    return Photos(torch.from_numpy(target[: len(names)]), tuple(names), tuple(sets))


def _decode_chunk(entries: Sequence[_Entry], side: int) -> list[np.ndarray | None]:
    container = entries[0].container
    if container.is_dir():
        return [_square(entry, (container / entry.member).read_bytes(), side) for entry in entries]
    with tarfile.open(container) as tar:
        members = {member.name: member for member in tar}
        return [_square(entry, _member_bytes(tar, members.get(entry.member)), side) for entry in entries]


def _member_bytes(tar: tarfile.TarFile, member: tarfile.TarInfo | None) -> bytes:
    file = tar.extractfile(member) if member else None
    return file.read() if file else b""


def _square(entry: _Entry, data: bytes, side: int) -> np.ndarray | None:
    """Decode to uint8 ``(3, side, side)``: the centre for validation, elsewhere a crop that its name decides."""
    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError):
        return None
    scale = side / min(image.size)
    size = tuple(max(side, round(length * scale)) for length in image.size)
    image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    chance = random.Random(entry.member)  # noqa: S311 - a choice of crop, not a secret
    share = (0.5, 0.5) if entry.split == "val" else (chance.random(), chance.triangular(0, 1, 0.4))
    left, top = (round((length - side) * part) for length, part in zip(size, share, strict=True))
    square = image.crop((left, top, left + side, top + side))
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))
