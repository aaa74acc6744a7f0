"""The audit of dependencies and the list of what is installed, by the programs that operators run."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
ENTRY = '[{}]\npackage = "leaky"\nreason = "{}"\n'
LEAKY = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "aliases": ["CVE-2026-0001"],
    "summary": "It leaks.",
    "affected": [
        {
            "package": {"name": "leaky", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
        }
    ],
}


class _Osv(BaseHTTPRequestHandler):
    """A database that knows of one vulnerability, in ``leaky`` before 1.1."""

    status = 200
    asked: list[str]

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(query["package"]["name"])
        is_leaky = query["package"]["name"] == "leaky" and query["version"] == "1.0"
        answer = json.dumps({"vulns": [LEAKY]} if is_leaky else {}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def osv() -> Iterator[tuple[str, type[_Osv]]]:
    handler = type("Osv", (_Osv,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query", handler
        server.shutdown()


def audit(url: str, folder: Path, pins: str, accepted: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "constraints.txt").write_text(pins)
    (folder / "accepted.toml").write_text(accepted)
    files = ["--constraints", str(folder / "constraints.txt"), "--accepted", str(folder / "accepted.toml")]
    return run("deploy/audit.py", "--osv-url", url, *files)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_versions_that_nothing_is_known_against_pass(osv: tuple[str, type[_Osv]], tmp_path: Path) -> None:
    url, database = osv
    ended = audit(url, tmp_path, "# a comment\nleaky==1.1\nsound==2.0\n")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "SKIPPED" not in ended.stdout
    assert {"leaky", "sound"} <= set(database.asked)


def test_a_known_vulnerability_fails_and_says_what_to_do(osv: tuple[str, type[_Osv]], tmp_path: Path) -> None:
    ended = audit(osv[0], tmp_path, "leaky==1.0\nsound==2.0\n")
    assert ended.returncode == 1
    assert "leaky 1.0: CVE-2026-0001, GHSA-aaaa-bbbb-cccc, fixed in 1.1" in ended.stdout


@pytest.mark.parametrize("identifier", ["GHSA-aaaa-bbbb-cccc", "CVE-2026-0001"])
def test_one_that_is_accepted_with_a_reason_passes(
    osv: tuple[str, type[_Osv]], tmp_path: Path, identifier: str
) -> None:
    ended = audit(osv[0], tmp_path, "leaky==1.0\n", ENTRY.format(identifier, "it is never called"))
    assert ended.returncode == 0
    assert "(accepted)" in ended.stdout


def test_one_that_is_accepted_without_a_reason_does_not_pass(osv: tuple[str, type[_Osv]], tmp_path: Path) -> None:
    ended = audit(osv[0], tmp_path, "leaky==1.0\n", ENTRY.format("CVE-2026-0001", ""))
    assert ended.returncode == 2
    assert "CVE-2026-0001 needs a package and a reason" in ended.stdout


def test_one_that_is_no_longer_reported_is_told(osv: tuple[str, type[_Osv]], tmp_path: Path) -> None:
    ended = audit(osv[0], tmp_path, "leaky==1.1\n", ENTRY.format("CVE-2026-0001", "it is never called"))
    assert ended.returncode == 0
    assert "CVE-2026-0001 is accepted, but no longer reported" in ended.stdout


def test_a_database_that_cannot_be_asked_skips_the_audit(osv: tuple[str, type[_Osv]], tmp_path: Path) -> None:
    url, database = osv
    database.status = 503
    for address in (url, f"http://127.0.0.1:{free_port()}/v1/query"):
        ended = audit(address, tmp_path, "leaky==1.0\n")
        assert ended.returncode == 0
        assert "SKIPPED" in ended.stdout


@pytest.mark.parametrize("line", ["leaky>=1.0", "leaky", "leaky=1.0"])
def test_a_version_that_cannot_be_asked_about_does_not_pass(
    osv: tuple[str, type[_Osv]], tmp_path: Path, line: str
) -> None:
    ended = audit(osv[0], tmp_path, f"{line}\nsound==2.0\n")
    assert ended.returncode == 2
    assert "audit: pip-audit failed: " in ended.stdout
    assert "leaky" in ended.stdout or "line 1" in ended.stdout


def test_everything_that_is_pinned_can_be_asked_about(osv: tuple[str, type[_Osv]]) -> None:
    ended = run("deploy/audit.py", "--osv-url", osv[0])
    assert ended.returncode == 0, ended.stdout
    assert "SKIPPED" not in ended.stdout
    pins = [line for line in (ROOT / "deploy/constraints.txt").read_text().splitlines() if "==" in line]
    assert len(osv[1].asked) == len(pins) + 1  # and the question whether it answers at all


def test_the_list_of_what_is_installed_is_valid_and_complete(tmp_path: Path) -> None:
    document = _listed(tmp_path / "sbom.json")
    assert document["metadata"]["component"]["name"] == "colorizebot"
    listed = {part["name"].lower().replace("_", "-"): part for part in document["components"]}
    assert {"aiohttp", "pillow", "pillow-heif", "torch", "numpy", "sqlalchemy"} <= set(listed)
    assert listed["pillow"]["purl"].startswith("pkg:pypi/pillow@")


def _listed(file: Path) -> dict[str, Any]:
    """Run the command of deploy/docs/security.md; return the document, held to CycloneDX's schema.

    Operators' runs validate all of it, which takes a quarter of a minute; here it is each fifth component.
    """
    command = ["environment", "--no-validate", "--pyproject", "pyproject.toml", "--output-file", str(file)]
    ended = run("-m", "cyclonedx_py", *command, sys.executable)
    assert ended.returncode == 0, ended.stderr
    document: dict[str, Any] = json.loads(file.read_text())
    part = document | {"components": document["components"][::5]}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(part)) is None
    return document
