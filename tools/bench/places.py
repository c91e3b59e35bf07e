"""Starts the two servers that a client talks to, over http or https, and says where they are."""

import ipaddress
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tools.package import ROOT


@dataclass(frozen=True)
class Places:
    """Where the export comes from and where it goes, and the environment of a client that trusts both."""

    export_url: str
    s3_url: str
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def serving(gzip: Path, *, tls: bool = False) -> Iterator[Places]:
    """Serve this file as an export, and an S3 that forgets, until the block ends."""
    with TemporaryDirectory(prefix="bench-") as folder:
        pem = _certificate(Path(folder)) if tls else None
        given = [str(pem)] if pem else []
        with server("tools.bench.source", str(gzip), *given) as source, server("tools.bench.null_s3", *given) as s3:
            scheme = "https" if tls else "http"
            yield Places(
                f"{scheme}://127.0.0.1:{source}/segments/export/users",
                f"{scheme}://127.0.0.1:{s3}",
                _client_environment(pem),
            )


@contextmanager
def server(module: str, *arguments: str) -> Iterator[int]:
    """Run a module that announces its port until the block ends."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def _client_environment(pem: Path | None) -> dict[str, str]:
    trusted = {"SSL_CERT_FILE": str(pem), "AWS_CA_BUNDLE": str(pem)} if pem else {}
    return {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **trusted,
    }


def _certificate(folder: Path) -> Path:
    """Return a key and a certificate for 127.0.0.1 that signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "loopback.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return pem
