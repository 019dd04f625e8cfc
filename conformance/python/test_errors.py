"""What users see when there is no server, or one they may not use (N-13, section 12.2)."""

import os
import socket

import pytest
import requests
from _tilebox.grpc.error import ArgumentError, NetworkError, NotFoundError
from tilebox.workflows import Client

from harness.server import Server


def test_e_nobody_listens(transport: str) -> None:
    """12.2: a refused connection is a NetworkError, which is an IOError."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = Client(url=f"http://127.0.0.1:{port}", transport=transport)
    with pytest.raises(NetworkError) as refused:
        client.clusters().all()
    assert isinstance(refused.value, OSError)


def test_n_5_url_without_scheme(server: Server, transport: str) -> None:
    """N-5: host and port alone mean clear text."""
    client = Client(url=server.url.removeprefix("http://"), transport=transport)
    assert client.clusters().find("").display_name == "Default"


def test_au_5_url_from_the_environment(server: Server, transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """AU-5: the documented variable is enough."""
    monkeypatch.setenv("TILEBOX_API_URL", server.url)
    assert Client(transport=transport).clusters().find("").display_name == "Default"


def test_au_6_any_key_is_accepted_without_authentication(server: Server, transport: str) -> None:
    """AU-6: on loopback authentication is off, so a key does no harm."""
    client = Client(url=server.url, token="some key", transport=transport)
    assert client.clusters().find("").display_name == "Default"


def test_e_2_refusals_say_what_is_wrong(client: Client) -> None:
    """E-2: the message names the field or the limit, in one line."""
    with pytest.raises(ArgumentError) as refused:
        client.clusters().create("x" * 101)
    message = str(refused.value)
    assert "name" in message
    assert "100" in message
    assert "\n" not in message
    with pytest.raises(NotFoundError) as missing:
        client.clusters().find("no-such-cluster")
    assert "no-such-cluster" in str(missing.value)


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/traces"])
def test_o_2_otlp_answers(server: Server, path: str) -> None:
    """O-1, O-2: an empty export is answered 200 with protobuf; garbage is refused and harms nobody."""
    accepted = requests.post(server.url + path, data=b"", headers={"content-type": "application/x-protobuf"})
    assert accepted.status_code == 200
    assert accepted.headers["content-type"] == "application/x-protobuf"
    refused = requests.post(server.url + path, data=os.urandom(64), headers={"content-type": "application/x-protobuf"})
    assert refused.status_code == 400
