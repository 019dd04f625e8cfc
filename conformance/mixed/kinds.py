"""The kinds of cache that both SDKs have, each at a place of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gcs import GCS_BUCKET, Gcs
from storage import AZURE_ACCOUNT, AZURE_CONTAINER, S3, S3_BUCKET, S3_REGION, Azure

SUITE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Kind:
    """A cache: where it is, as both runners are told, and what the environment of their processes has to say."""

    name: str
    place: dict[str, Any]
    environment: dict[str, str]
    # The names of everything in the storage.
    names: Callable[[], list[str]]
    # What stands before the job id.
    prefix: str
    # Whether the cache of the Python SDK can delete (K-15).
    deletes: bool = True
    # Whether a name can have a backslash.
    backslash: bool = True


def in_files(root: Path) -> Kind:
    return Kind("files", {"kind": "files", "root": str(root)}, {}, lambda: _files(root), "", deletes=False)


def in_objects_in_files(root: Path) -> Kind:
    place = {"kind": "objects_in_files", "root": str(root), "prefix": "some/where"}
    return Kind("objects in files", place, {}, lambda: _files(root), "some/where/")


def in_s3(s3: S3) -> Kind:
    """A bucket, and nothing else said: prefix and region are found."""
    place = {"kind": "s3", "bucket": S3_BUCKET}
    return Kind("s3", place, s3.environment(), lambda: _objects(place, s3.environment()), "jobs/")


def in_s3_elsewhere(s3: S3) -> Kind:
    """Everything said, the prefix in a way that both have to understand alike."""
    place = {"kind": "s3", "bucket": S3_BUCKET, "prefix": "team//scratch/", "region": S3_REGION}
    return Kind("s3 elsewhere", place, s3.environment(), lambda: _objects(place, s3.environment()), "team/scratch/")


def in_azure(azure: Azure) -> Kind:
    place = {"kind": "azure", "account": AZURE_ACCOUNT, "container": AZURE_CONTAINER}
    names = lambda: _objects(place, azure.environment())  # noqa: E731
    return Kind("azure", place, azure.environment(), names, "jobs/", backslash=False)


def in_gcs(gcs: Gcs) -> Kind:
    place = {"kind": "gcs", "bucket": GCS_BUCKET}
    return Kind("gcs", place, gcs.environment(), lambda: _objects(place, gcs.environment()), "jobs/")


def _files(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


def _objects(place: dict[str, Any], environment: dict[str, str]) -> list[str]:
    """Everything in a store, listed by the library below the Python SDK, in a process with the environment of the runners."""
    program = (
        "import json, sys; from python_runner import cache_at; store = cache_at(json.loads(sys.argv[1])).store;"
        "print(json.dumps([entry['path'] for page in store.list() for entry in page]))"
    )
    listed = subprocess.run(
        [sys.executable, "-c", program, json.dumps(place)],
        env={**os.environ, **environment},
        cwd=SUITE,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert listed.returncode == 0, listed.stderr
    return json.loads(listed.stdout)
