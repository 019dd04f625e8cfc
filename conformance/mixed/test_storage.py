"""The caches of the Rust SDK by themselves, against the same servers."""

import os
import subprocess

import pytest
from harness.server import REPOSITORY, Server
from gcs import Gcs
from storage import S3, Azure
from world import rust_runner

# As `cargo xtask test` has built it.
QUESTIONS = ["cargo", "test", "--workspace", "--all-features", "--test", "cache", "--", "--ignored"]


@pytest.mark.parametrize("sort", ["s3", "azure", "gcs"])
def test_every_question_of_the_rust_suite(request: pytest.FixtureRequest, sort: str) -> None:
    """`crates/sdk/tests/cache.rs` asks every cache the same; those on servers are asked here."""
    server: S3 | Azure | Gcs = request.getfixturevalue(sort)
    run = subprocess.run(
        [*QUESTIONS, f"{sort}::"],
        env={**os.environ, **server.environment()},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "test result: ok. 15 passed; 0 failed; 0 ignored" in run.stdout, run.stdout


def test_k_13_a_bucket_that_does_not_exist(server: Server, s3: S3) -> None:
    """The region is asked for when the cache is made, so that this shows at once; the error says what to do."""
    run = subprocess.run(
        [rust_runner(), server.url, "", '{"kind": "s3", "bucket": "absent"}'],
        env={**os.environ, **s3.environment()},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 1
    assert f'S3 cache: there is no bucket "absent" at {s3.url}/absent; create it' in run.stderr


def test_k_13_without_credentials_the_error_says_where_they_come_from(s3: S3) -> None:
    """The machine's own credentials are looked for last; a server that has none answers at once here."""
    environment = {**os.environ, **s3.environment(), "AWS_METADATA_ENDPOINT": s3.url}
    del environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
    run = subprocess.run(
        [*QUESTIONS, "s3::k_5"], env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 101, run.stderr
    assert "there are no credentials; set AWS_ACCESS_KEY_ID" in run.stdout, run.stdout
