"""The command ``python -m inference bench``."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.bench import machine
from inference.bench.conditions import Conditions
from inference.bench.sections import SECTIONS, Section

_ALL_REACHED = 0
_SOMETHING_MISSED = 1


def main(arguments: Sequence[str]) -> int:
    """Run the sections asked for, print their tables; return 1 when a goal was missed, else 0."""
    asked = _parser().parse_args(arguments)
    chosen = [section for section in SECTIONS if not asked.only or section.name in asked.only]
    document: dict[str, Any] = {"machine": machine.describe(), "sections": {}}
    _say(machine.sentence(document["machine"]) + "\n")
    began = time.perf_counter()
    with _folder() as folder:
        conditions = Conditions(folder, asked.photos, asked.plots)
        for section in chosen:
            document["sections"][section.name] = _run(section, conditions)
    document["seconds"] = time.perf_counter() - began
    goals = [
        goal for section in document["sections"].values() for table in section["tables"] for goal in table["goals"]
    ]
    missed = sum(not goal["reached"] for goal in goals)
    _say(f"{len(goals) - missed} of {len(goals)} goals reached, in {document['seconds']:.0f} s")
    if asked.json is not None:
        asked.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return _SOMETHING_MISSED if missed else _ALL_REACHED


def _run(section: Section, conditions: Conditions) -> dict[str, Any]:
    _say(f"## {section.name}: {section.about}\n")
    began = time.perf_counter()
    tables = []
    for table in section.measure(conditions):
        _say(table.text())
        tables.append(table.document())
    return {"about": section.about, "seconds": time.perf_counter() - began, "tables": tables}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="colorizebot-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {section.name:12}{section.about}" for section in SECTIONS)
    parser = argparse.ArgumentParser(
        prog="python -m inference bench",
        description=f"Measures the worker on this machine, in a few minutes.\n\nsections:\n{listed}",
        epilog="It ends with status 1 when a goal was missed.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [section.name for section in SECTIONS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="SECTION", help="run these sections alone")
    parser.add_argument("--json", type=_new_file, metavar="FILE", help="write all figures there too")
    parser.add_argument("--plots", type=_made_folder, metavar="FOLDER", help="draw plots (PNG) there; extra “bench”")
    parser.add_argument("--photos", type=_photo_folder, metavar="FOLDER", help="real photos, for what needs such")
    return parser


def _photo_folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}")
    return folder


def _new_file(text: str) -> Path:
    file = Path(text)
    if file.is_dir() or not file.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text} can't be written: it is a folder, or in one that doesn't exist")
    return file


def _made_folder(text: str) -> Path:
    folder = Path(text)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
