"""What the subcommands share."""

import argparse
from pathlib import Path

from rich.console import Console

console = Console(soft_wrap=True)
PHOTOS_HELP = "tar file, folder of images, or folder of tar files; a manifest.csv in the folder says the splits"

_PICTURES = (".png", ".jpg", ".jpeg")


def positive(text: str) -> int:
    """Read a whole number above 0, as an argument's ``type``."""
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return number


def picture(text: str) -> Path:
    """Read the path of a picture to write, as an argument's ``type``."""
    path = Path(text)
    if path.suffix.lower() not in _PICTURES:
        raise argparse.ArgumentTypeError(f"{text!r} has to end in .png or .jpg")
    return path
