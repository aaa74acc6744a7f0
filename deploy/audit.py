"""Ask a database of vulnerabilities about every package that deploy/constraints.txt pins: ``python deploy/audit.py``.

The database is OSV (https://osv.dev), asked by pip-audit, which the extra ``audit`` installs. Where it can't be reached
the audit is skipped, and says so. What is listed in deploy/accepted_vulnerabilities.toml, with a reason, may stay.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

FOLDER = Path(__file__).parent
OSV_URL = "https://api.osv.dev/v1/query"

PASSED, VULNERABLE, UNUSABLE = 0, 1, 2
_SECONDS = 15
_NO_PACKAGE: Mapping[str, Any] = {"package": {"name": "colorizebot", "ecosystem": "PyPI"}, "version": "0"}


class NotAudited(Exception):  # noqa: N818 - it says what is the case
    """The database can't be asked; the message says why."""


class Unusable(Exception):  # noqa: N818 - it says what is the case
    """Something here keeps the versions from being asked about, not the database; the message says what."""


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One that a pinned version is known to have."""

    identifiers: tuple[str, ...]
    package: str
    version: str
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        cure = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "not fixed in any release yet"
        return f"{self.package} {self.version}: {', '.join(self.identifiers)}, {cure}"


def find(constraints: Path, osv_url: str) -> list[Vulnerability]:
    """Return what the pinned versions are known to have. Raises ``NotAudited`` and ``Unusable``."""
    _check_reachable(osv_url)
    audit = ["-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    where = ["--vulnerability-service", "osv", "--osv-url", osv_url, "--requirement", str(constraints)]
    ended = subprocess.run([sys.executable, *audit, *where], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        dependencies = json.loads(ended.stdout)["dependencies"]
    except ValueError:
        lines = ended.stderr.strip().splitlines() or ["it said nothing"]
        complaint = next((line for line in lines if line.startswith("ERROR")), lines[-1])
        _check_reachable(osv_url)  # it may have gone away meanwhile
        raise Unusable(f"pip-audit failed: {complaint}") from None
    return list(_vulnerabilities(dependencies))


def accepted(file: Path) -> dict[str, str]:
    """Return the package by identifier of what may stay. Raises ``Unusable`` for entries without a reason."""
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Unusable(f"{file.name} can't be read: {error}") from None
    for identifier, entry in entries.items():
        if not (isinstance(entry, dict) and entry.get("package") and entry.get("reason")):
            raise Unusable(f"{file.name}: {identifier} needs a package and a reason")
    return {identifier: entry["package"] for identifier, entry in entries.items()}


def main(arguments: Sequence[str]) -> int:
    """Print what was found; return 0 when nothing speaks against these versions, 1 when something does, else 2."""
    parser = argparse.ArgumentParser(prog="python deploy/audit.py", description=__doc__)
    parser.add_argument("--osv-url", default=OSV_URL, help="where OSV, or a mirror of it, takes queries")
    parser.add_argument("--constraints", type=Path, default=FOLDER / "constraints.txt", help="what is pinned")
    parser.add_argument("--accepted", type=Path, default=FOLDER / "accepted_vulnerabilities.toml", help="what may stay")
    options = parser.parse_args(arguments)
    try:
        may_stay = accepted(options.accepted)
        found = find(options.constraints, options.osv_url)
    except Unusable as error:
        return _say(f"audit: {error}", UNUSABLE)
    except NotAudited as error:
        return _say(f"audit: SKIPPED, so nothing is known about these versions: {error}", PASSED)
    return _judge(found, may_stay)


def _judge(found: Sequence[Vulnerability], may_stay: dict[str, str]) -> int:
    def stays(each: Vulnerability) -> bool:
        return any(may_stay.get(identifier) == each.package for identifier in each.identifiers)

    for each in found:
        _say(f"audit: {each}{' (accepted)' if stays(each) else ''}")
    reported = {identifier for each in found for identifier in each.identifiers}
    for identifier in sorted(set(may_stay) - reported):
        _say(f"audit: {identifier} is accepted, but no longer reported; please remove it from the list")
    if all(stays(each) for each in found):
        return _say("audit: no vulnerabilities known beyond those accepted", PASSED)
    return _say("audit: FAILED; please pin versions without these, or accept them with a reason", VULNERABLE)


def _check_reachable(osv_url: str) -> None:
    try:
        answer = requests.post(osv_url, json=_NO_PACKAGE, timeout=_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise NotAudited(f"{osv_url} can't be reached ({type(error).__name__})") from error


def _vulnerabilities(dependencies: Sequence[dict[str, Any]]) -> Iterator[Vulnerability]:
    for package in dependencies:
        if "skip_reason" in package:
            raise Unusable(f"{package['name']}: {package['skip_reason']}")
        for each in package["vulns"]:
            yield Vulnerability(
                identifiers=(each["id"], *each["aliases"]),
                package=str(package["name"]),
                version=str(package["version"]),
                fixed_in=tuple(each["fix_versions"]),
            )


def _say(line: str, status: int = PASSED) -> int:
    sys.stdout.write(line + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
