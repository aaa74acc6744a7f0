"""The images of ``deploy/Dockerfile`` without a container engine: their packages, commands, environment and rights.

`unpacked` makes the folder that an image has as ``/opt/colorizebot``: a virtual environment with exactly the packages
that the build would install, which `start` mounts from where the tests run. `start` runs a command in it as the image
would: on a root file system that is read-only, as a user without rights, in the environment of the Dockerfile and
nothing else.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
_USER = 10001
_SITE = Path(sysconfig.get_path("purelib"))


def instructions(target: str) -> list[tuple[str, str]]:
    """Return the instructions of a stage and of those it is built on, base first, as ``("USER", "10001:10001")``."""
    with DOCKERFILE.open("rb") as file:
        lines = [(line["instruction"], line["value"]) for line in DockerfileParser(fileobj=file).structure]
    stages: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    name = ""
    for instruction, value in lines:
        if instruction == "FROM":
            base, name = re.fullmatch(r"(\S+) AS (\S+)", value).groups()  # type: ignore[union-attr]
            stages[name] = (base, [])
        elif name:
            stages[name][1].append((instruction, value))
    base, own = stages[target]
    return [*(instructions(base) if base in stages else []), *own]


def environment(target: str) -> dict[str, str]:
    """Return the variables that an image sets, but for PATH."""
    pairs = " ".join(value for instruction, value in instructions(target) if instruction == "ENV")
    return {key: value for key, value in (pair.split("=", 1) for pair in shlex.split(pairs)) if key != "PATH"}


def entry_point(target: str) -> list[str]:
    command: list[str] = json.loads(last(target, "ENTRYPOINT"))
    return command


def health_check(target: str) -> list[str]:
    command: list[str] = json.loads(last(target, "HEALTHCHECK").partition("CMD ")[2])
    return command


def last(target: str, instruction: str) -> str:
    """Return what counts where an instruction comes more than once."""
    return [value for each, value in instructions(target) if each == instruction][-1]


def closure(requirements: Sequence[str]) -> set[str]:
    """Return the names of all packages that these need, themselves included, as far as they are installed."""
    found: dict[str, set[str]] = {}
    waiting = [Requirement(line) for line in requirements]
    while waiting:
        requirement = waiting.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in found and requirement.extras <= found[name]:
            continue
        extras = found.setdefault(name, set())
        extras |= requirement.extras
        for needed in map(Requirement, metadata.requires(name) or []):
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                waiting.append(needed)
    return set(found)


def unpacked(target: str, extras: Sequence[str], folder: Path) -> Path:
    """Make the image's virtual environment in ``folder``; return it."""
    made = subprocess.run(
        [sys.executable, ROOT / "deploy" / "requirements.py", target, *extras],
        capture_output=True,
        text=True,
        check=True,
    )
    home = folder / f"{target}-image"
    venv.create(home, symlinks=True, with_pip=False)
    site = next(home.glob("lib/python3*/site-packages"))
    for name in closure(made.stdout.splitlines()):
        for entry in {file.parts[0] for file in metadata.files(name) or []} - {".."}:
            if (_SITE / entry).is_dir():
                (site / entry).mkdir(exist_ok=True)
            elif (_SITE / entry).exists():
                shutil.copy(_SITE / entry, site / entry)
    for copied in _packages(target):
        shutil.copytree(ROOT / copied, site / copied, ignore=shutil.ignore_patterns("__pycache__", *_removed(target)))
    return home


def _packages(target: str) -> list[str]:
    copies = [value.split() for instruction, value in instructions(f"build-{target}") if instruction == "COPY"]
    return [source for source, *rest in copies if [source] == rest]


def _removed(target: str) -> list[str]:
    runs = " ".join(value for instruction, value in instructions(f"build-{target}") if instruction == "RUN")
    return re.findall(r"inference/(\w+)", runs)


@contextmanager
def start(
    home: Path, command: Sequence[str], variables: Mapping[str, str], *, writable: Path, log: Path
) -> Iterator[subprocess.Popen[str]]:
    """Run a command in an image until the context ends; ``writable`` is its only folder that can be written to."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        pytest.skip("only root can make a root file system read-only, with unshare and setpriv (Debian: util-linux)")
    os.chown(writable, _USER, _USER)
    # A plain PATH would do for the image; here the virtual environment is elsewhere.
    settings = {**variables, "PATH": f"{home / 'bin'}:/usr/bin:/bin"}
    with log.open("a") as output:
        process = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-euc",
                _script(home, writable, command, settings),
            ],
            cwd="/",
            stdout=output,
            stderr=output,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _script(home: Path, writable: Path, command: Sequence[str], settings: Mapping[str, str]) -> str:
    kept = [home, writable, _SITE, Path(sys.base_prefix)]
    lines = ["mount -t tmpfs tmpfs /mnt"]
    for number, folder in enumerate(kept):
        lines.append(f"mkdir /mnt/{number}; mount --bind {shlex.quote(str(folder))} /mnt/{number}")
    # An empty /tmp of its own, and folders that only root can look into replaced by ones with nothing else in them.
    hidden = {Path("/tmp"), *(parent for folder in kept for parent in folder.parents if _is_closed(parent))}
    for folder in sorted(folder for folder in hidden if hidden.isdisjoint(folder.parents)):
        lines.append(f"mount -t tmpfs -o mode=1777 tmpfs {shlex.quote(str(folder))}")
    for number, folder in enumerate(kept):
        place = shlex.quote(str(folder))
        lines.append(f"mkdir -p {place}; mount --bind /mnt/{number} {place}")
    # Mounts, not links: the worker's sandbox allows what lies in Python's own folders, not what these point to.
    site = next(home.glob("lib/python3*/site-packages"))
    lines += [f"mount --bind {shlex.quote(str(_SITE / each.name))} {shlex.quote(str(each))}" for each in _empty(site)]
    for folder in kept:
        place = shlex.quote(str(folder))
        if folder != writable:
            lines.append(f"mount -o remount,ro,bind {place}")
    lines.append("umount /mnt/*; umount /mnt; mount -o remount,ro,bind /")
    rights = f"setpriv --reuid {_USER} --regid {_USER} --clear-groups --bounding-set=-all --no-new-privs"
    lines.append(f"exec {rights} env -i {shlex.join([f'{key}={value}' for key, value in settings.items()])} \\")
    lines.append(shlex.join(command))
    return "\n".join(lines)


def _empty(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if each.is_dir() and not any(each.iterdir())]


def _is_closed(folder: Path) -> bool:
    return not folder.stat().st_mode & 0o001
