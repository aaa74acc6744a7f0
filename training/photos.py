"""Photographs in memory: decoded once into one uint8 tensor."""

import dataclasses
import hashlib
import io
import json
import math
import os
import random
import shutil
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from rich.console import Console
from rich.progress import track
from torch import Tensor

from training.readers import reading_processes
from training.sources import MANIFEST, Entry, PhotosError, Source, chunks, list_entries, read_entries

__all__ = ["Photos", "PhotosError", "load_all", "load_photos"]

# What Pillow raises for files that are no pictures, or whose pixels or EXIF data are broken, or monstrous. Listed here
# once more, since training does without what `inference.imaging` needs for its list.
BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
_MOST_PIXELS = 178_956_970
"""Pillow's own limit, which the worker's package switches off for the whole process."""

_CHUNK = 512


@dataclass(frozen=True)
class Photos:
    """Square photos, uint8 ``(N, 3, S, S)`` sRGB, with the name and the set of each.

    ``source_weights`` says how often each is drawn because of where it comes from; empty where all count alike.
    """

    pixels: Tensor
    names: tuple[str, ...]
    sets: tuple[str, ...]
    source_weights: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def weights(self, by_set: dict[str, float]) -> Tensor:
        """Return how often each photo is drawn, float32 ``(N,)``, relative: its set's weight times its source's."""
        weights = torch.tensor([by_set.get(name, 1.0) for name in self.sets])
        return weights * torch.tensor(self.source_weights) if self.source_weights else weights

    def to(self, device: torch.device) -> "Photos":
        """Return the photos with their pixels on ``device``."""
        return dataclasses.replace(self, pixels=self.pixels.to(device))


def load_photos(source: Path, split: str, side: int, *, cache: Path | None = None, limit: int | None = None) -> Photos:
    """Read the photos of one split of one source: :func:`load_all`."""
    return load_all([Source(source)], split, side, cache=cache, limit=limit)


def load_all(
    sources: Sequence[Source], split: str, side: int, *, cache: Path | None = None, limit: int | None = None
) -> Photos:
    """Read the photos of one split of several sources into one tensor.

    Args:
        sources: tar files, folders of images, or folders of tar files (:func:`training.sources.list_entries`).
        split: ``train`` or ``val``; a source without photos of the split adds none.
        side: photos are scaled to this short side and cropped to a square, in pixels.
        cache: folder that keeps the decoded tensor for the next run; it is mapped, not read. It goes by the photos'
            names: take another folder when photos change under their old names.
        limit: at most so many photos, spread evenly over the sources.

    Raises:
        PhotosError: there is no such source, they hold no readable image of this split, or the cache has no room.

    """
    drawn = [(entry, source.weight) for source in sources for entry in list_entries(source.path)]
    drawn = [pair for pair in drawn if pair[0].split == split]
    if limit is not None and limit < len(drawn):
        drawn = [drawn[index * len(drawn) // limit] for index in range(limit)]
    if not drawn:
        places = ", ".join(str(source.path) for source in sources)
        raise PhotosError(
            f"{places} holds no images of the split {split!r}; without a {MANIFEST}, 3 % go to 'val', by their names"
        )
    entries = [entry for entry, _ in drawn]
    read: Sequence[int]
    if cache is None:
        photos, read = _decode_all(entries, side, np.empty((len(entries), 3, side, side), np.uint8))
    else:
        photos, read = _cached(entries, side, cache)
    if all(weight == 1 for _, weight in drawn):
        return photos
    return dataclasses.replace(photos, source_weights=tuple(drawn[index][1] for index in read))


def _cached(entries: Sequence[Entry], side: int, cache: Path) -> tuple[Photos, Sequence[int]]:
    key = hashlib.sha256(json.dumps([side, *([str(e.container), e.member] for e in entries)]).encode()).hexdigest()[:16]
    pixels_path, index_path = cache / f"{key}.npy", cache / f"{key}.json"
    if not index_path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        shape = (len(entries), 3, side, side)
        pixels_path.unlink(missing_ok=True)  # of a start that was stopped
        if math.prod(shape) > shutil.disk_usage(cache).free:  # else the disk would be full in the midst of a page
            raise PhotosError(f"{cache} has no room for {math.prod(shape) / 2**30:.1f} GiB of decoded photos")
        target = np.lib.format.open_memmap(pixels_path, mode="w+", dtype=np.uint8, shape=shape)
        photos, read = _decode_all(entries, side, target)
        target.flush()
        index = {"names": photos.names, "sets": photos.sets, "read": read}
        partial = index_path.with_suffix(".partial")
        partial.write_text(json.dumps(index), encoding="utf-8")
        partial.replace(index_path)
    index = json.loads(index_path.read_text(encoding="utf-8"))
    pixels = torch.from_numpy(np.load(pixels_path, mmap_mode="c"))[: len(index["names"])]
    photos = Photos(pixels, tuple(index["names"]), tuple(index["sets"]))
    return photos, index.get("read", range(len(photos)))


def _decode_all(entries: Sequence[Entry], side: int, target: np.ndarray) -> tuple[Photos, list[int]]:
    """Decode into ``target`` in parallel; images that can't be read are left out, and counted aloud.

    Returns the photos, and the place of each among the entries.
    """
    places = {id(entry): index for index, entry in enumerate(entries)}
    groups = chunks(entries, _CHUNK)
    read: list[int] = []
    with reading_processes() as pool:
        decoded = pool.map(_decode_chunk, groups, [side] * len(groups))
        for group, photos in track(zip(groups, decoded, strict=True), "decoding photos", total=len(groups)):
            for entry, photo in zip(group, photos, strict=True):
                if photo is not None:
                    target[len(read)] = photo
                    read.append(places[id(entry)])
    if len(read) < len(entries):
        Console().print(f"{len(entries) - len(read)} of {len(entries)} images can't be read and were left out")
    if not read:
        raise PhotosError(f"none of the {len(entries)} images under {entries[0].container} can be read")
    names = tuple(entries[index].member for index in read)
    sets = tuple(entries[index].set for index in read)
    return Photos(torch.from_numpy(target[: len(read)]), names, sets), read


def _decode_chunk(entries: Sequence[Entry], side: int) -> list[np.ndarray | None]:
    return [_pixels(entry, data, side) for entry, data in zip(entries, read_entries(entries), strict=True)]


def _pixels(entry: Entry, data: bytes, side: int) -> np.ndarray | None:
    try:
        image = upright(Image.open(io.BytesIO(data))).convert("RGB")
    except BROKEN:
        return None
    return np.ascontiguousarray(np.asarray(square(image, entry, side)).transpose(2, 0, 1))


def upright(image: Image.Image) -> Image.Image:
    """Decode an image that was opened, and turn it as its EXIF data say; raises one of :data:`BROKEN`."""
    if image.width * image.height > _MOST_PIXELS:
        raise Image.DecompressionBombError(f"{image.width} × {image.height} pixels are too many")
    return ImageOps.exif_transpose(image)


def square(image: Image.Image, entry: Entry, side: int) -> Image.Image:
    """Scale to the short side ``side`` and crop: the centre for validation, elsewhere a place that the name decides."""
    scale = side / min(image.size)
    width, height = (max(side, round(length * scale)) for length in image.size)
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    chance = random.Random(os.fsencode(entry.member))  # noqa: S311 - a choice of crop, not a secret
    share = (0.5, 0.5) if entry.split == "val" else (chance.random(), chance.triangular(0, 1, 0.4))
    left, top = (round((length - side) * part) for length, part in zip(image.size, share, strict=True))
    return image.crop((left, top, left + side, top + side))
