"""A 24-megapixel photo takes little more memory than its own luma."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.inference.imaging.pictures import scene

_PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from inference.imaging import Limits, decode, encode
from inference.vocabulary import Layout, RecolorOptions

def peak():
    # getrusage's ru_maxrss would begin with the parent's.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024

before = peak()
photo = decode(Path(sys.argv[1]).read_bytes(), Limits())
rows, columns = photo.network_input(((192, 288),))[0].shape
ab = [np.full((2, rows // 4, columns // 4), 12, np.float32)]
picture = encode(photo, ab, RecolorOptions(layout=Layout(sys.argv[2])))
print(peak() - before, picture.width, picture.height)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's peak memory from /proc")
@pytest.mark.parametrize(
    ("file_name", "mode", "layout", "most_mebibytes"),
    [
        ("photo.jpg", "RGB", "recolored", 72),
        ("photo.jpg", "RGB", "side_by_side", 130),
        ("gray.jpg", "L", "recolored", 72),
        ("photo.png", "RGB", "recolored", 300),
    ],
)
def test_24_megapixels(tmp_path: Path, file_name: str, mode: str, layout: str, most_mebibytes: int) -> None:
    options = {"compress_level": 1} if file_name.endswith(".png") else {"quality": 90}
    large = scene(300, 200).resize((6000, 4000), Image.Resampling.BILINEAR).convert(mode)
    large.save(tmp_path / file_name, **options)
    command = [sys.executable, "-c", _PROGRAM, str(tmp_path / file_name), layout]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    mebibytes, width, height = map(int, finished.stdout.split())
    assert (width, height) == ((2048, 1365) if layout == "side_by_side" else (6000, 4000))
    assert mebibytes < most_mebibytes
