"""A certificate authority of the tests' own, made with openssl in a second."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates for `localhost`; files of the same names in one directory."""

    directory: Path
    name: str

    @classmethod
    def make(cls, directory: Path, name: str) -> Self:
        """Make a new one."""
        own = cls(directory, name)
        subject = ("-subj", f"/CN=faults {name}")
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", *subject),
            *("-keyout", own._path("key"), "-out", own.certificate),
        )
        return own

    @property
    def certificate(self) -> str:
        """Its own certificate, which clients are told to believe."""
        return self._path("pem")

    def sign(self, server: str, *, host: str = "localhost", days: int = 30) -> tuple[str, str]:
        """Return the certificate and key of a server; with days below 0 it has expired."""
        place = self.directory / f"{self.name}-{server}"
        request, names = f"{place}.csr", f"{place}.names"
        place.with_suffix(".names").write_text(f"subjectAltName=DNS:{host}\n", encoding="ascii")
        _openssl(
            *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}"),
            *("-keyout", f"{place}.key", "-out", request),
        )
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._path("key")),
            *("-CAcreateserial", "-days", str(days), "-extfile", names, "-out", f"{place}.pem"),
        )
        return f"{place}.pem", f"{place}.key"

    def _path(self, suffix: str) -> str:
        return str(self.directory / f"{self.name}.{suffix}")


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
