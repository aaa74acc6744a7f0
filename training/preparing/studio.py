"""Screens and encodes images in chunks, on all cores; a chunk once done stays done, whatever happens after."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from training.preparing.duplicates import Fingerprint, fingerprint
from training.preparing.packing import Encoding, encode
from training.preparing.screening import Reason, Thresholds, drop_reason, measure, open_photo
from training.readers import reading_processes
from training.sources import Entry, chunks, read_entries

_CHUNK = 128


@dataclass(frozen=True)
class Outcome:
    """What became of one image.

    ``pixels`` is the size of the original, the rest is for those that were not dropped: what the manifest says, what
    they are recognised by, and where the new file lies in that of its chunk, in bytes.
    """

    reason: Reason | None
    sha1: str
    pixels: int = 0
    mean_chroma: float = 0.0
    hash: str = ""
    thumbnail: str = ""
    chunk: int = 0
    offset: int = 0
    size: int = 0
    width: int = 0
    height: int = 0

    @property
    def fingerprint(self) -> Fingerprint:
        """What the photo is recognised by."""
        return Fingerprint(self.hash, self.thumbnail)


class Studio:
    """Works through images, chunk by chunk, in a folder of its own."""

    def __init__(self, folder: Path, entries: Sequence[Entry], encoding: Encoding, thresholds: Thresholds) -> None:
        """Keep work in ``folder``, which must have been used for the same entries and settings only."""
        self._folder = folder
        self._chunks = chunks(entries, _CHUNK)
        self._encoding = encoding
        self._thresholds = thresholds

    def work(self) -> Iterator[list[tuple[Entry, Outcome]]]:
        """Yield what became of each image, chunk by chunk; chunks that were finished earlier come at once."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with reading_processes() as pool:
            waiting = [
                None
                if self._record(number).exists()
                else pool.submit(_work, chunk, self._stem(number), self._encoding, self._thresholds)
                for number, chunk in enumerate(self._chunks)
            ]
            try:
                for number, chunk in enumerate(self._chunks):
                    future = waiting[number]
                    if future:
                        future.result()
                    yield list(zip(chunk, self._outcomes(number), strict=True))
            finally:
                pool.shutdown(cancel_futures=True)

    def file(self, outcome: Outcome) -> bytes:
        """Read the new file of an image that was not dropped."""
        with self._stem(outcome.chunk).with_suffix(".bin").open("rb") as file:
            file.seek(outcome.offset)
            return file.read(outcome.size)

    def _stem(self, number: int) -> Path:
        return self._folder / f"{number:05d}"

    def _record(self, number: int) -> Path:
        return self._stem(number).with_suffix(".json")

    def _outcomes(self, number: int) -> Iterator[Outcome]:
        for values in json.loads(self._record(number).read_text(encoding="utf-8")):
            reason = Reason(values["reason"]) if values["reason"] else None
            yield Outcome(**{**values, "reason": reason, "chunk": number})


def _work(entries: Sequence[Entry], stem: Path, encoding: Encoding, thresholds: Thresholds) -> None:
    """Write the chunk's new files one behind the other, and then the record that declares it finished."""
    outcomes = []
    with stem.with_suffix(".bin").open("wb") as file:
        for entry, data in zip(entries, read_entries(entries), strict=True):
            outcome, encoded = _treat(entry, data, encoding, thresholds)
            outcomes.append({**asdict(outcome), "offset": file.tell(), "size": len(encoded)})
            file.write(encoded)
    partial = stem.with_suffix(".partial")
    partial.write_text(json.dumps(outcomes), encoding="utf-8")
    partial.replace(stem.with_suffix(".json"))


def _treat(entry: Entry, data: bytes, encoding: Encoding, thresholds: Thresholds) -> tuple[Outcome, bytes]:
    """Judge an image; return what became of it and its new file, empty where it was dropped."""
    sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    opened = open_photo(data, encoding.side)
    if opened is None:
        return Outcome(Reason.UNREADABLE, sha1), b""
    pixels = opened.width * opened.height
    measures = measure(opened)
    reason = drop_reason(measures, thresholds)
    if reason:
        return Outcome(reason, sha1, pixels), b""
    encoded, width, height = encode(opened.photo, entry, encoding)
    marks = fingerprint(opened.photo)
    outcome = Outcome(
        reason=None,
        sha1=sha1,
        pixels=pixels,
        mean_chroma=round(measures.mean_chroma, 3),
        hash=marks.hash,
        thumbnail=marks.thumbnail,
        width=width,
        height=height,
    )
    return outcome, encoded
