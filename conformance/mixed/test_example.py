"""The example `mixed` of the Rust SDK: both halves, as a user runs them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.server import REPOSITORY, Server
from harness.svg import Diagram
from tilebox.workflows import Client
from tilebox.workflows.data import JobState

EXAMPLES = REPOSITORY / "crates" / "sdk" / "examples"
# `run.sh` builds it.
PROGRAM = REPOSITORY / "target" / "debug" / "examples" / "mixed"
JOB_SECONDS_MAX = 120
EXIT_SECONDS_MAX = 20
FOUND = {"summit": ": 0", "harbour": ": 1", "airfield": ": 0"}


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that no other runner asks for tasks."""
    server = Server(tmp_path / "data")
    yield server
    server.stop()


def test_t_30_k_11_the_example_in_two_languages(own_server: Server, tmp_path: Path) -> None:
    """Rust records and reports; Python finds the outlier, and submits a Rust task for it."""
    place = tmp_path / "place"
    place.mkdir()
    environment = {**os.environ, "BOXWOOD_URL": own_server.url}
    python = subprocess.Popen(
        [sys.executable, EXAMPLES / "mixed.py"],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # With the process that renews leases in it.
        start_new_session=True,
    )
    try:
        rust = subprocess.run(
            [PROGRAM], cwd=place, env=environment, capture_output=True, text=True, timeout=JOB_SECONDS_MAX
        )
    finally:
        python.terminate()
        try:
            output, _ = python.communicate(timeout=EXIT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(python.pid, signal.SIGKILL)
            output, _ = python.communicate()
    assert rust.returncode == 0, f"{rust.stderr}\n--- Python ---\n{output}"
    assert rust.stdout.splitlines() == [
        "waiting for the Python tasks; start mixed.py unless it runs",
        "summit     mean  -2.0 °C, highest   4.0 °C",
        "harbour    mean  13.0 °C, highest  19.0 °C",
        "airfield   mean  11.0 °C, highest  17.0 °C",
        "mixed is COMPLETED",
    ]

    client = Client(url=own_server.url)
    (job,) = client.jobs().query()
    assert (job.name, job.state, job.execution_stats.total_tasks) == ("mixed", JobState.COMPLETED, 9)
    labels = Diagram(client.jobs().visualize(job)).labels()
    # What the Python tasks said of themselves, and the task that one of them submitted.
    searches = {f"FindOutliers({station})" + found for station, found in FOUND.items()}
    assert searches | {"LookCloser"} <= set(labels), labels
