"""Certificates for tests, as the PEM files that operators have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Party:
    """Somebody with a certificate."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority of its own; ``ca`` is what others trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._ca = trustme.CA()
        self._folder = folder
        self.ca = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca)

    def issue(self, *names: str) -> Party:
        """Make out a certificate to host names, addresses or people (``bot@example.org``)."""
        issued = self._ca.issue_cert(*names)
        party = Party(self._folder / f"{names[0]}.pem", self._folder / f"{names[0]}-key.pem")
        party.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(party.key)
        return party
