"""The servers that caches are in: started for the session, on loopback, with their data in folders of the session."""

import base64
import hashlib
import hmac
import http.client
import os
import re
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from harness.server import REPOSITORY
from harness.waiting import wait_until

INSTALLED = REPOSITORY / "target" / "mixed"

S3_ACCESS_KEY = "boxwood"
S3_SECRET_KEY = "boxwood-secret"
S3_BUCKET = "cache"
# Neither the one that clients take when they know none, nor the one that AWS_REGION names.
S3_REGION = "eu-boxwood-1"

# The account that every Azurite has, with the key that its documentation gives.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
AZURE_CONTAINER = "cache"

READY_SECONDS_MAX = 30


class Storage:
    """A server process; subclasses know how to start it and what its clients need to be told."""

    def __init__(self, command: list[str | Path], log: Path, environment: dict[str, str] | None = None) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )

    def _wait(self, ready) -> None:
        def probe() -> bool:
            assert self._process.poll() is None, f"the server ended: {self._log.read_text(errors='replace')}"
            return ready()

        wait_until(probe, timeout=READY_SECONDS_MAX)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class S3(Storage):
    """versitygw, a server of the S3 protocol over a folder, with one bucket."""

    def __init__(self, folder: Path) -> None:
        (folder / "objects" / S3_BUCKET).mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [INSTALLED / "versitygw", "--port", f"127.0.0.1:{self.port}", "--region", S3_REGION, "--quiet"]
        keys = {"ROOT_ACCESS_KEY": S3_ACCESS_KEY, "ROOT_SECRET_KEY": S3_SECRET_KEY}
        super().__init__([*command, "posix", folder / "objects"], folder / "s3.log", keys)
        self._wait(lambda: reachable(self.port))

    def environment(self) -> dict[str, str]:
        """The variables of a client; those that users set for any server of the protocol."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": S3_ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": S3_SECRET_KEY,
            # Elsewhere than the bucket, whose own region the Rust SDK has to find out.
            "AWS_REGION": "us-boxwood-9",
            # What the Python SDK goes by to find it out. This server tells the region only to calls that are signed for it,
            # or not signed at all; Amazon's tells it to all.
            "AWS_DEFAULT_REGION": S3_REGION,
            # Wanted by the Python SDK alone.
            "AWS_ALLOW_HTTP": "true",
            # No profile of the person that runs the suite plays a part.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "BOXWOOD_TEST_S3_BUCKET": S3_BUCKET,
        }


class Azure(Storage):
    """Azurite, the emulator of Azure Blob Storage by its vendor, with one container."""

    def __init__(self, folder: Path) -> None:
        script = INSTALLED / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
        options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--disableTelemetry"]
        super().__init__(["node", script, *options], folder / "azure.log")
        self._wait(lambda: self._address() is not None)
        self.url = self._address()
        self._create_container()

    def _address(self) -> str | None:
        found = re.search(r"successfully listens on (http://\S+)", self._log.read_text(errors="replace"))
        return found and found[1]

    def _create_container(self) -> None:
        # The SDKs' caches create no containers; this is the one call they lack, signed as the protocol wants it.
        date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers = f"x-ms-date:{date}\nx-ms-version:2021-08-06\n"
        resource = f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{AZURE_CONTAINER}\nrestype:container"
        to_sign = "PUT" + "\n" * 12 + headers + resource
        digest = hmac.new(base64.b64decode(AZURE_KEY), to_sign.encode(), hashlib.sha256).digest()
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        connection.request(
            "PUT",
            f"/{AZURE_ACCOUNT}/{AZURE_CONTAINER}?restype=container",
            headers={
                "x-ms-date": date,
                "x-ms-version": "2021-08-06",
                "authorization": f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(digest).decode()}",
                "content-length": "0",
            },
        )
        answer = connection.getresponse()
        assert answer.status == 201, answer.read()
        connection.close()

    def environment(self) -> dict[str, str]:
        return {
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURITE_BLOB_STORAGE_URL": self.url,
            # The Python SDK looks whether there is one before it asks elsewhere for credentials.
            "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
            "BOXWOOD_TEST_AZURE_CONTAINER": AZURE_CONTAINER,
        }


def free_port() -> int:
    """A port nobody listens on, for servers that cannot choose one and say which."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def reachable(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
