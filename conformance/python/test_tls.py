"""A server with a certificate, and the SDK with an https URL (N-1, N-4)."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from harness.runners import SUITE
from harness.server import Server

PROGRAM_SECONDS_MAX = 60


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The PEM file of an authority nobody knows, beside `cert.pem` and `key.pem` that it issued for this machine."""
    made = trustme.CA()
    issued = made.issue_cert("127.0.0.1", "localhost")
    (tmp_path / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (tmp_path / "key.pem").write_bytes(issued.private_key_pem.bytes())
    path = tmp_path / "authority.pem"
    made.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def secure(authority: Path, start_server: Callable[..., Server]) -> Iterator[Server]:
    directory = authority.parent
    files = ["--tls-cert", directory / "cert.pem", "--tls-key", directory / "key.pem"]
    server = start_server(directory / "data", arguments=files)
    yield server
    server.stop()


def program(url: str, transport: str, trusted: Path | None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if trusted is not None:
        # gRPC, the HTTP library of the Connect transport, and that of the telemetry exporters each have their own.
        for name in ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            environment[name] = str(trusted)
    command = [sys.executable, "-m", "harness.tls_program", url, transport]
    return subprocess.run(
        command, cwd=SUITE, env=environment, capture_output=True, text=True, timeout=PROGRAM_SECONDS_MAX, check=False
    )


def test_n_1_n_4_a_program_with_an_https_url(secure: Server, authority: Path, transport: str) -> None:
    """N-1, N-4: submit, run, find, and logs out and in; over gRPC every message of the SDK is compressed then."""
    assert secure.url.startswith("https://127.0.0.1:")
    done = program(secure.url, transport, authority)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["COMPLETED", *(f"Executing child task {index}" for index in range(3))]


def test_n_1_an_authority_nobody_trusts(secure: Server, transport: str) -> None:
    """N-1: the certificate is really checked: without its authority the same program reaches nothing."""
    done = program(secure.url, transport, None)
    assert done.returncode != 0
    assert "COMPLETED" not in done.stdout
