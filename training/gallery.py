"""Pictures for people: photos beside what the worker makes of them."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from inference.recolor import recolor
from PIL import Image

from inference.imaging.limits import Limits
from inference.model.colorizer import Colorizer
from inference.vocabulary import Layout, OutputFormat, RecolorOptions
from training.photos import PhotosError

_GAP = 8
_OPTIONS = RecolorOptions(layout=Layout.SIDE_BY_SIDE, format=OutputFormat.PNG)


def write_gallery(
    sources: Sequence[Path], target: Path, colorizer: Colorizer, *, columns: int, height: int, limit: int
) -> None:
    """Recolor photos and lay them out in pairs (as posted | recolored) of equal height, ``columns`` pairs in a row.

    Args:
        sources: image files; of a tar file, up to ``limit`` images spread over it.
        target: the picture to write, in the format of its suffix.
        colorizer: the weights to recolor with.
        columns: pairs in a row.
        height: height of each photo in pixels.
        limit: photos taken of each tar file.

    Raises:
        PhotosError: a source does not exist or is no tar file.

    """
    files = [data for source in sources for data in _read(source, limit)]
    pairs = [_pair(data, colorizer, height) for data in files]
    rows = [pairs[start : start + columns] for start in range(0, len(pairs), columns)]
    width = max(sum(pair.width + _GAP for pair in row) for row in rows) - _GAP
    sheet = Image.new("RGB", (width, len(rows) * (height + _GAP) - _GAP), "white")
    for number, row in enumerate(rows):
        left = 0
        for pair in row:
            sheet.paste(pair, (left, number * (height + _GAP)))
            left += pair.width + _GAP
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(target, quality=88, optimize=True)


def _read(source: Path, limit: int) -> list[bytes]:
    if not source.is_file():
        raise PhotosError(f"{source} does not exist")
    if source.suffix != ".tar":
        return [source.read_bytes()]
    try:
        with tarfile.open(source) as tar:
            members = [member for member in tar if member.isfile()]
            count = min(limit, len(members))
            chosen = [members[index * len(members) // count] for index in range(count)]
            return [file.read() for member in chosen if (file := tar.extractfile(member))]
    except tarfile.TarError as error:
        raise PhotosError(f"{source} is no tar file: {error}") from error


def _pair(data: bytes, colorizer: Colorizer, height: int) -> Image.Image:
    picture = Image.open(io.BytesIO(recolor(data, _OPTIONS, colorizer, Limits()).data)).convert("RGB")
    return picture.resize((round(picture.width * height / picture.height), height), Image.Resampling.LANCZOS)
