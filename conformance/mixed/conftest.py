"""Fixtures: one server, one storage of each sort, and for each kind of cache a runner of either language."""

import os
from collections.abc import Iterator

# Before the SDK is imported: its exporters read these once.
os.environ["OTEL_EXPORT_INTERVAL"] = "0.1s"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
# Nothing that the environment says about servers or clouds plays a part.
for name in [name for name in os.environ if name.startswith(("TILEBOX_", "AWS_", "AZURE_", "GOOGLE_"))]:
    del os.environ[name]

import pytest
from harness.server import Server

import kinds
from gcs import Gcs
from storage import S3, Azure
from world import World


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    shared = Server(tmp_path_factory.mktemp("server") / "data")
    yield shared
    shared.stop()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    started = S3(tmp_path_factory.mktemp("s3"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    started = Azure(tmp_path_factory.mktemp("azure"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcs]:
    started = Gcs(tmp_path_factory.mktemp("gcs"))
    yield started
    started.close()


@pytest.fixture(scope="session", params=["files", "objects in files", "s3", "s3 elsewhere", "azure", "gcs"])
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> kinds.Kind:
    """Every case runs with every kind of cache that both SDKs have."""
    match request.param:
        case "files":
            return kinds.in_files(tmp_path_factory.mktemp("files"))
        case "objects in files":
            return kinds.in_objects_in_files(tmp_path_factory.mktemp("objects"))
        case "s3":
            return kinds.in_s3(request.getfixturevalue("s3"))
        case "s3 elsewhere":
            return kinds.in_s3_elsewhere(request.getfixturevalue("s3"))
        case "azure":
            return kinds.in_azure(request.getfixturevalue("azure"))
        case "gcs":
            return kinds.in_gcs(request.getfixturevalue("gcs"))
    raise ValueError(request.param)


@pytest.fixture(scope="session")
def world(kind: kinds.Kind, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    started = World(server, kind, tmp_path_factory.mktemp("runners"))
    yield started
    started.close()
