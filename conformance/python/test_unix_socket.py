"""A server on a unix domain socket (N-6); gRPC only, since the SDK refuses such addresses for http1."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tilebox.workflows import Client
from tilebox.workflows.data import JobState

from harness.runners import run_all
from harness.server import Server
from workflows.first_steps import ChildTask, ParentTask


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """The path of a unix socket has at most 107 bytes, which pytest's own directories may exceed."""
    directory = Path(tempfile.mkdtemp(prefix="bw-"))
    yield directory
    shutil.rmtree(directory)


def test_n_6_unix_socket(start_server: Callable[..., Server], short_directory: Path) -> None:
    """N-6: submit, run and find over a socket; the socket is gone after the server ended."""
    path = short_directory / "boxwood.sock"
    server = start_server(short_directory / "data", listen=f"unix:{path}")
    for _ in range(2):
        client = Client(url=f"unix://{path}")
        job = client.jobs().submit("over a socket", ParentTask(3))
        run_all(client, None, [ParentTask, ChildTask])
        assert client.jobs().find(job).state == JobState.COMPLETED
        server.stop()
        assert not path.exists()
        server = start_server(short_directory / "data", listen=f"unix:{path}")


def test_n_6_a_socket_file_left_by_a_crash_is_no_obstacle(
    start_server: Callable[..., Server], short_directory: Path
) -> None:
    """N-6: after SIGKILL the file is still there; the next server takes its place."""
    path = short_directory / "boxwood.sock"
    start_server(short_directory / "data", listen=f"unix:{path}").kill()
    assert path.exists()
    server = start_server(short_directory / "data", listen=f"unix:{path}")
    assert Client(url=f"unix://{path}").clusters().find("").display_name == "Default"
    server.stop()
