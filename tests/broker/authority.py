"""A certificate authority of one's own, by the openssl command: what docs/rabbitmq.md types."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def authority(directory: Path, name: str) -> Path:
    """Make an authority and return its certificate; its key lies beside."""
    certificate = directory / f"{name}.pem"
    _openssl(
        *("req", "-x509", *_KEY, "-days", "1", "-subj", f"/CN={name}"),
        *("-keyout", str(directory / f"{name}.key"), "-out", str(certificate)),
    )
    return certificate


def certificate(ca: Path, name: str, *, hosts: str, days: int = 1) -> Path:
    """Have an authority sign a server's certificate for `DNS:…,IP:…`; its key lies beside."""
    made, request, extension = (ca.parent / f"{name}{end}" for end in (".pem", ".csr", ".ext"))
    _openssl(
        *("req", "-new", *_KEY, "-subj", f"/CN={name}"),
        *("-keyout", str(made.with_suffix(".key")), "-out", str(request)),
    )
    extension.write_text(f"subjectAltName={hosts}\nextendedKeyUsage=serverAuth\n")
    _openssl(
        *("x509", "-req", "-in", str(request), "-days", str(days), "-extfile", str(extension)),
        *("-CA", str(ca), "-CAkey", str(ca.with_suffix(".key")), "-CAcreateserial"),
        *("-out", str(made)),
    )
    return made


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
