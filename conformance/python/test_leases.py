"""Leases that run out and leases that are renewed (R-30 to R-35, S-40, S-41), with runners in processes of their own."""

from collections.abc import Callable

import pytest
from tilebox.workflows import Client, Job
from tilebox.workflows.data import Cluster, JobState, TaskState

from harness.rendezvous import Rendezvous
from harness.runners import RunnerProcess, run_all
from harness.waiting import wait_until
from harness.wire import Wire
from workflows.meeting import Hold, HoldOther, Mark

LEASE_SECONDS = 15
EXPIRY_SECONDS_MAX = LEASE_SECONDS + 5


@pytest.mark.slow
def test_r_34_and_r_35_renewed_and_lost_leases(
    client: Client,
    wire: Wire,
    cluster: Cluster,
    rendezvous: Rendezvous,
    start_runner: Callable[..., RunnerProcess],
    unique: str,
) -> None:
    """R-9, R-34, R-35, S-30, S-40, S-41: a lost task is queued again when its lease ends, unasked.

    The long task is handed out before the lost one, so its first lease has ended as well by then: only the renewals by
    the SDK's own process keep it with its runner. One wait for a real lease serves both.
    """
    long, lost = Hold(f"{unique} long"), HoldOther(f"{unique} lost")
    long_job = client.jobs().submit("long", long, cluster=cluster)
    start_runner(cluster, [Hold])
    rendezvous.wait_for(f"{long.gate} started")
    lost_job = client.jobs().submit("lost", lost, cluster=cluster)
    crashing = start_runner(cluster, [HoldOther])
    rendezvous.wait_for(f"{lost.gate} started")
    crashing.crash()

    def state_of(job: Job) -> TaskState:
        return wire.tree(job).root.state

    assert state_of(lost_job) == TaskState.RUNNING
    wait_until(lambda: state_of(lost_job) == TaskState.QUEUED, timeout=EXPIRY_SECONDS_MAX + 2, interval=0.2)
    assert state_of(long_job) == TaskState.RUNNING

    rendezvous.open(lost.gate)
    run_all(client, cluster, [Hold, HoldOther])
    assert rendezvous.arrivals(f"{lost.gate} started") == 2
    assert client.jobs().find(lost_job).state == JobState.COMPLETED
    assert wire.tree(lost_job).root.summary.retry_count == 1

    assert state_of(long_job) == TaskState.RUNNING
    assert rendezvous.arrivals(f"{long.gate} started") == 1
    rendezvous.open(long.gate)
    wait_until(lambda: state_of(long_job) == TaskState.COMPUTED)
    assert wire.tree(long_job).root.summary.retry_count == 0


def test_r_63_graceful_hand_back(
    client: Client,
    wire: Wire,
    cluster: Cluster,
    rendezvous: Rendezvous,
    start_runner: Callable[..., RunnerProcess],
    unique: str,
) -> None:
    """R-63, R-65, S-31: on SIGTERM the SDK hands its task back after two seconds; no retry and no lease is spent."""
    job = client.jobs().submit("hand back", Hold(unique), cluster=cluster)
    process = start_runner(cluster, [Hold])
    rendezvous.wait_for(f"{unique} started")
    process.terminate()

    root = wire.tree(job).root
    assert root.state == TaskState.QUEUED
    assert root.summary.retry_count == 0
    assert "RunnerShutdown" in root.display
    assert client.jobs().find(job).state == JobState.RUNNING

    rendezvous.open(unique)
    run_all(client, cluster, [Hold])
    assert client.jobs().find(job).state == JobState.COMPLETED


def test_r_63_signal_while_idle(
    client: Client,
    cluster: Cluster,
    rendezvous: Rendezvous,
    start_runner: Callable[..., RunnerProcess],
    unique: str,
) -> None:
    """R-23, R-24, R-63: a runner that waits for work runs what comes, and ends at once on SIGTERM."""
    client.jobs().submit("first", Mark(f"{unique} first"), cluster=cluster)
    process = start_runner(cluster, [Mark])
    rendezvous.wait_for(f"{unique} first")
    job = client.jobs().submit("second", Mark(f"{unique} second"), cluster=cluster)
    rendezvous.wait_for(f"{unique} second")
    wait_until(lambda: client.jobs().find(job).state == JobState.COMPLETED)
    process.terminate()
