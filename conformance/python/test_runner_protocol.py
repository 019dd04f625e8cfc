"""The three calls of a runner, played by hand (R-1 to R-47)."""

from uuid import UUID

import pytest
from _tilebox.grpc.error import ArgumentError, NotFoundError
from google.protobuf.duration_pb2 import Duration
from tilebox.workflows import Client
from tilebox.workflows.data import Cluster, JobState, TaskState
from tilebox.workflows.workflows.v1 import core_pb2, task_pb2

from harness.wire import Group, HandRunner, Wire, submit, wire_id


def seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def test_r_8_what_a_handed_out_task_carries(wire: Wire, cluster: Cluster) -> None:
    """R-8, R-30, R-32, S-30: both lease durations, whole seconds or more; the job with name and trace parent."""
    job = submit(wire, cluster.slug, "hand-out", Group([b"input"]))
    task = HandRunner(wire, cluster.slug, "Leaf").must_ask()
    assert task.id.uuid != job.id.uuid
    assert (task.identifier.name, task.identifier.version) == ("Leaf", "v0.0")
    assert (task.state, task.input, task.display) == (core_pb2.TASK_STATE_RUNNING, b"input", "Leaf")
    assert task.retry_count == 0
    assert (task.job.id, task.job.name, task.job.trace_parent) == (job.id, "hand-out", job.trace_parent)
    assert task.job.submitted_at == job.submitted_at
    assert 14 < seconds(task.lease.lease) <= 15
    assert 9 < seconds(task.lease.recommended_wait_until_next_extension) <= 10


def test_r_9_one_runner_at_a_time(wire: Wire, cluster: Cluster) -> None:
    """R-9: what one runner holds nobody else gets."""
    submit(wire, cluster.slug, "one", Group([b"1"]))
    one, two = (HandRunner(wire, cluster.slug, "Leaf") for _ in range(2))
    one.must_ask()
    assert two.ask() is None


def test_r_3_request_without_cluster(wire: Wire) -> None:
    """R-3: an empty cluster slug is INVALID_ARGUMENT; the SDKs have resolved it before."""
    with pytest.raises(ArgumentError):
        HandRunner(wire, "", "Leaf").ask()


def test_r_6_idling_suggests_a_wait(wire: Wire, cluster: Cluster) -> None:
    """R-6, R-20: the hint is there and between 1 ms and 5 minutes, where SDKs would clamp it."""
    request = task_pb2.NextTaskRequest()
    request.next_task_to_run.cluster_slug = cluster.slug
    request.next_task_to_run.identifiers.add(name="Leaf", version="v0.0")
    answer = wire.tasks.NextTask(request)
    assert 0.001 <= seconds(answer.idling.suggested_idling_duration) <= 300


def test_r_11_depth_first(wire: Wire, cluster: Cluster) -> None:
    """R-10 to R-12: children of the reported task, its siblings, then its parent's, each in submission order."""
    submit(wire, cluster.slug, "depth first", Group([b"a", b"b"]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    tree = {b"a": [b"a1", b"a2"], b"a1": [b"a11", b"a12"], b"b": [b"b1"]}
    task, order = runner.must_ask(), []
    while task is not None:
        order.append(task.input)
        children = tree.get(task.input)
        task = runner.computed(task, Group(children)) if children else runner.computed(task)
    assert order == [b"a", b"a1", b"a11", b"a12", b"a2", b"b", b"b1"]


def test_r_13_work_stealing(wire: Wire, cluster: Cluster) -> None:
    """R-13: the oldest job first, and in it the task nearest to the root."""
    old = submit(wire, cluster.slug, "old", Group([b"old 1", b"old 2"]))
    submit(wire, cluster.slug, "new", Group([b"new"]))
    busy, thief = (HandRunner(wire, cluster.slug, "Leaf") for _ in range(2))
    busy.computed(busy.must_ask(), Group([b"deep 1", b"deep 2"]))
    stolen = [thief.must_ask() for _ in range(3)]
    assert [task.input for task in stolen] == [b"old 2", b"deep 2", b"new"]
    assert [task.job.id == old.id for task in stolen] == [True, True, False]


def test_r_10_finished_job_leads_to_the_next_one(wire: Wire, cluster: Cluster) -> None:
    """R-10: with nothing left in its job a runner that reports gets a task of the next job in the same answer."""
    for name in (b"1", b"2"):
        submit(wire, cluster.slug, "job", Group([name]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    second = runner.computed(runner.must_ask())
    assert second is not None
    assert second.input == b"2"


def test_r_40_repeated_report(client: Client, wire: Wire, cluster: Cluster) -> None:
    """R-40, R-44: children are stored once; the repeated report gets the task whose hand-out was lost."""
    job = submit(wire, cluster.slug, "repeated", Group([b""]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    task = runner.must_ask()
    lost = runner.computed(task, Group([b"1", b"2"]))
    again = runner.computed(task, Group([b"1", b"2"]))
    assert lost is not None
    assert again is not None
    assert again.id == lost.id
    found = client.jobs().find(UUID(bytes=job.id.uuid))
    assert found.execution_stats.tasks_by_state == {TaskState.QUEUED: 1, TaskState.RUNNING: 1, TaskState.COMPUTED: 1}


def test_r_41_late_reports_change_nothing(client: Client, wire: Wire, cluster: Cluster) -> None:
    """R-41, R-45, S-11: a report about a task that is not RUNNING succeeds and is ignored."""
    job = submit(wire, cluster.slug, "late", Group([b""]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    task = runner.must_ask()
    runner.computed(task, ask=False)
    assert runner.failed(task, display="too late") == TaskState.COMPUTED
    runner.computed(task, Group([b"child"]), display="too late", ask=False)
    (stored,) = wire.tree(UUID(bytes=job.id.uuid))
    assert (stored.state, stored.display) == (TaskState.COMPUTED, "Leaf")


def test_r_41_report_for_a_queued_task(wire: Wire, cluster: Cluster) -> None:
    """R-41: the runner that handed a task back and then reports it anyway is not believed."""
    job = submit(wire, cluster.slug, "handed back", Group([b""]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    task = runner.must_ask()
    assert runner.failed(task, workflow_error=False) == TaskState.QUEUED
    runner.computed(task, ask=False)
    assert wire.tree(UUID(bytes=job.id.uuid)).root.state == TaskState.QUEUED


def test_r_43_report_for_an_unknown_task(wire: Wire, cluster: Cluster) -> None:
    """R-43: NOT_FOUND."""
    runner = HandRunner(wire, cluster.slug, "Leaf")
    unknown = core_pb2.Task(id=wire_id(UUID("01890000-0000-7000-8000-000000000000")))
    with pytest.raises(NotFoundError):
        runner.computed(unknown)
    with pytest.raises(NotFoundError):
        runner.failed(unknown)


def test_s_31_hand_back_costs_no_retry(wire: Wire, cluster: Cluster) -> None:
    """S-31, S-32, R-65: a failure that is not a workflow error queues the task again at once, for anyone."""
    submit(wire, cluster.slug, "handed back", Group([b""]))
    one, two = (HandRunner(wire, cluster.slug, "Leaf") for _ in range(2))
    for runner in (one, two, one):
        task = runner.must_ask()
        assert task.retry_count == 0
        assert runner.failed(task, workflow_error=False) == TaskState.QUEUED


def test_s_33_endless_hand_backs(client: Client, wire: Wire, cluster: Cluster) -> None:
    """S-33: after 100 hand-backs in a row the next one fails the task, with a line that says so."""
    job = submit(wire, cluster.slug, "endless", Group([b""]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    for _ in range(100):
        assert runner.failed(runner.must_ask(), workflow_error=False) == TaskState.QUEUED
    assert runner.failed(runner.must_ask(), workflow_error=False) == TaskState.FAILED
    root = wire.tree(UUID(bytes=job.id.uuid)).root
    assert "handed back" in root.display.split("\n", 1)[1]
    assert client.jobs().find(UUID(bytes=job.id.uuid)).state == JobState.FAILED


def extend(wire: Wire, task_id: object, wanted: float) -> core_pb2.TaskLease:
    whole, rest = divmod(wanted, 1)
    request = task_pb2.TaskLeaseRequest(
        task_id=task_id, requested_lease=Duration(seconds=int(whole), nanos=round(rest * 1e9))
    )
    return wire.tasks.ExtendTaskLease(request)


@pytest.mark.parametrize(("wanted", "granted"), [(28, 28), (29.98, 29.98), (1, 15), (0, 15), (600, 60)])
def test_r_31_extension(wire: Wire, cluster: Cluster, wanted: float, granted: float) -> None:
    """R-31, R-32: what was asked, but at least 15 and at most 60 seconds; wait until a third is left, at least 5 s."""
    submit(wire, cluster.slug, "lease", Group([b""]))
    task = HandRunner(wire, cluster.slug, "Leaf").must_ask()
    lease = extend(wire, task.id, wanted)
    assert granted - 1 < seconds(lease.lease) <= granted
    left = seconds(lease.lease) - seconds(lease.recommended_wait_until_next_extension)
    assert left == pytest.approx(max(5, granted / 3), abs=1)


def test_r_33_extension_of_what_does_not_run(wire: Wire, cluster: Cluster) -> None:
    """R-33: an empty lease, never an error, which would end the renewal process of the Python SDK."""
    submit(wire, cluster.slug, "lease", Group([b""]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    task = runner.must_ask()
    runner.computed(task, ask=False)
    unknown = wire_id(UUID("01890000-0000-7000-8000-000000000000"))
    for id in (task.id, unknown):
        lease = extend(wire, id, 30)
        assert not lease.HasField("lease")
        assert not lease.HasField("recommended_wait_until_next_extension")
