"""The pages on security: what they name exists, and what they tell operators to type works."""

from __future__ import annotations

import re
import ssl
import subprocess
from pathlib import Path

import pytest

from inference.tls import client_tls, server_context

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "deploy/docs"
EVIDENCE = re.compile(r"`([\w/.]+\.py)::(\w+)`")


def test_every_claim_of_the_threat_model_names_what_stands_for_it() -> None:
    text = (DOCS / "threat-model.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "what stops it" not in line]
    assert len(rows) > 30
    for row in rows:
        named = EVIDENCE.findall(row)
        assert named, f"nothing stands for: {row}"
        for file, name in named:
            pattern = rf"def {name}\(" if file.startswith("tests/") else rf"\b{name}\b"
            assert re.search(pattern, (ROOT / file).read_text(encoding="utf-8")), f"{file} has no {name}"


def test_links_of_the_guide_lead_somewhere() -> None:
    for page in ("security.md", "threat-model.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
        for target in re.findall(r"\]\((?!https:)([^)]+)\)", text):
            assert target.removeprefix("#") in headings if target.startswith("#") else (DOCS / target).is_file()


def test_the_certificates_of_the_guide_work_both_ways(tmp_path: Path) -> None:
    if not re.match(r"OpenSSL 3", _openssl_version()):
        pytest.skip("needs OpenSSL 3 on the command line (Debian: apt-get install openssl)")
    text = (DOCS / "security.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- certificates -->\n```sh\n(.+?)```", text, re.DOTALL)
    assert block
    subprocess.run(["bash", "-euc", block[1]], cwd=tmp_path, check=True, capture_output=True)
    ca = tmp_path / "ca.pem"
    server = server_context(tmp_path / "worker.pem", tmp_path / "worker-key.pem", ca)
    client = client_tls(ca, tmp_path / "bot.pem", tmp_path / "bot-key.pem")
    shown = _handshake(server, client.context, "worker.example.org")
    assert shown["subject"] == ((("commonName", "bot"),),)
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(server, client.context, "elsewhere.example.org")


def test_secrets_that_the_guides_have_made_in_a_checkout_are_never_committed() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    files = [".env", "deploy/.env", "colorizebot.toml", "token", "deploy/prometheus/worker-token", "ca-key.pem"]
    ignored = subprocess.run(["git", "check-ignore", *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ignored.stdout.split() == files


def _openssl_version() -> str:
    try:
        return subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        return ""


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> dict[str, object]:
    """Let the two shake hands in memory; return the client's certificate as the server sees it."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up, server_hostname=name), server.wrap_bio(up, down, server_side=True)]
    done = [False, False]
    while not all(done):
        for index, end in enumerate(ends):
            try:
                end.do_handshake()
                done[index] = True
            except ssl.SSLWantReadError:
                continue
    return dict(ends[1].getpeercert() or {})
