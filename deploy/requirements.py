"""Print what one container image has to install, as pyproject.toml says: ``requirements.py bot|worker [EXTRA ...]``."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
IMAGES = ("bot", "worker")


def requirements(image: str, extras: Sequence[str] = ()) -> list[str]:
    """Return the package's dependencies and these extras', without what only the other image needs.

    Raises ``ValueError`` for an image or an extra that there is not.
    """
    if image not in IMAGES:
        raise ValueError(f"there is no image {image}, only {' and '.join(IMAGES)}")
    pyproject = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    project, only = pyproject["project"], pyproject["tool"]["colorizebot"]["images"]
    left_out = {name for other in IMAGES if other != image for name in only[f"only-{other}"]}
    optional = project["optional-dependencies"]
    if unknown := set(extras) - set(optional):
        raise ValueError(f"there is no extra {', '.join(sorted(unknown))}, only {', '.join(optional)}")
    kept = [requirement for requirement in project["dependencies"] if name_of(requirement) not in left_out]
    return kept + [requirement for extra in extras for requirement in optional[extra]]


def name_of(requirement: str) -> str:
    """Return the package that a requirement is about: ``sqlalchemy`` for ``sqlalchemy[asyncio]>=2``."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def main(arguments: Sequence[str]) -> int:
    """Print the requirements, one a line; return the exit status."""
    try:
        # A build argument comes as one word, whatever it holds.
        image, *extras = " ".join(arguments).split() or [""]
        lines = requirements(image, extras)
    except ValueError as error:
        sys.stderr.write(f"requirements.py bot|worker [EXTRA ...]: {error}\n")
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
