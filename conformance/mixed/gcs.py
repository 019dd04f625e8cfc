"""A stand-in for Google Cloud Storage: the part of its XML API that object stores' clients use, over a dictionary.

No server that speaks that part can be had from the registries: fake-gcs-server, 1.56.1, refuses such uploads and has no such
listings. So this shows that both SDKs ask for the same objects with credentials, and no more than that.
"""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as Xml

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

GCS_BUCKET = "cache"


class Gcs:
    """The stand-in, in threads of this process, and a service account that it knows."""

    def __init__(self, folder: Path) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler({}, {}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account",
            "client_email": "runner@boxwood.invalid",
            "private_key_id": "1",
            "private_key": key.decode(),
            # Where the Python SDK changes its signature for a token; that of Rust needs none.
            "token_uri": f"{self.url}/token",
        }
        self._account = folder / "account.json"
        self._account.write_text(json.dumps(account))

    def environment(self) -> dict[str, str]:
        return {
            "GOOGLE_BASE_URL": self.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self._account),
            "BOXWOOD_TEST_GCS_BUCKET": GCS_BUCKET,
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(objects: dict[str, bytes], uploads: dict[str, dict[int, bytes]]) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer leaves whole: in pieces each would wait for the one before to be acknowledged.
        wbufsize = 1 << 16

        def _ask(self) -> tuple[str, dict[str, str], bytes]:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            return unquote(url.path).removeprefix(f"/{GCS_BUCKET}").removeprefix("/"), query, body

        def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in {"content_length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _xml(self, name: str, **values: Any) -> None:
            root = Xml.Element(name)
            for child, value in values.items():
                Xml.SubElement(root, child).text = value
            self._answer(200, Xml.tostring(root))

        def _knows(self) -> bool:
            """Whether the caller has shown credentials; if not, it is told so."""
            if self.headers.get("authorization", "").removeprefix("Bearer ").strip():
                return True
            self._answer(401, b"no credentials")
            return False

        def do_GET(self) -> None:
            name, query, _ = self._ask()
            if not self._knows():
                return
            with lock:
                if "list-type" in query:
                    self._answer(200, _listing(objects, query.get("prefix", ""), query.get("delimiter")))
                elif name in objects:
                    value = objects[name]
                    stamp = "Wed, 25 Nov 2026 12:00:00 GMT"
                    headers = {"etag": _etag(value), "x_goog_generation": "1", "last_modified": stamp}
                    self._answer(200, value, content_type="application/octet-stream", **headers)
                else:
                    self._answer(404)

        do_HEAD = do_GET

        def do_PUT(self) -> None:
            name, query, body = self._ask()
            if not self._knows():
                return
            with lock:
                if "uploadId" in query:
                    uploads[query["uploadId"]][int(query["partNumber"])] = body
                else:
                    objects[name] = body
            self._answer(200, etag=_etag(body), x_goog_generation="1")

        def do_POST(self) -> None:
            name, query, _ = self._ask()
            if name == "token":
                token = {"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}
                self._answer(200, json.dumps(token).encode(), content_type="application/json")
            elif not self._knows():
                return
            elif "uploads" in query:
                with lock:
                    identifier = f"upload-{len(uploads)}"
                    uploads[identifier] = {}
                self._xml("InitiateMultipartUploadResult", UploadId=identifier)
            else:
                with lock:
                    parts = uploads[query["uploadId"]]
                    objects[name] = b"".join(parts[number] for number in sorted(parts))
                    etag = _etag(objects[name])
                self._xml("CompleteMultipartUploadResult", ETag=etag)

        def do_DELETE(self) -> None:
            name, _, _ = self._ask()
            if not self._knows():
                return
            with lock:
                self._answer(204 if objects.pop(name, None) is not None else 404)

        def log_message(self, *_: object) -> None:
            """Keep the output of the suite to what failed."""

    return Handler


def _listing(objects: dict[str, bytes], prefix: str, delimiter: str | None) -> bytes:
    """All of a listing in one page."""
    root = Xml.Element("ListBucketResult")
    folders = set()
    for name in sorted(objects):
        if not name.startswith(prefix):
            continue
        folder, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if found:
            folders.add(prefix + folder + found)
            continue
        entry = Xml.SubElement(root, "Contents")
        Xml.SubElement(entry, "Key").text = name
        Xml.SubElement(entry, "Size").text = str(len(objects[name]))
        Xml.SubElement(entry, "LastModified").text = "2026-11-25T12:00:00.000Z"
        Xml.SubElement(entry, "ETag").text = _etag(objects[name])
    for folder in sorted(folders):
        Xml.SubElement(Xml.SubElement(root, "CommonPrefixes"), "Prefix").text = folder
    return Xml.tostring(root)


def _etag(value: bytes) -> str:
    return f'"{hashlib.md5(value).hexdigest()}"'
