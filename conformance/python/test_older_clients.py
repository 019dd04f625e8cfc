"""What the SDK under test no longer sends or reads, and older clients still do (section N-U, T-83)."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import grpc
import pytest
from _tilebox.grpc.error import ArgumentError
from google.protobuf import empty_pb2
from tilebox.workflows import Client, ExecutionContext, Task
from tilebox.workflows.data import Cluster, LocalReference, TaskState
from tilebox.workflows.workflows.v1 import core_pb2, job_pb2, storage_location_pb2, task_pb2

from harness.server import Server
from harness.wire import Group, HandRunner, Wire, submit, trace_parent


class Leaf(Task):
    number: int

    def execute(self, context: ExecutionContext) -> None:
        """Played by hand."""


def call(server: Server, path: str, request, answer):
    """A call of a method the SDK's generated code does not have, over gRPC."""
    with grpc.insecure_channel(server.address.removeprefix("http://")) as channel:
        method = channel.unary_unary(
            path, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
        )
        return method(request)


def test_n_u_progress_poll(server: Server, wire: Wire, cluster: Cluster) -> None:
    """N-U: a job with only id, progress, state and start time filled."""
    job = submit(wire, cluster.slug, "progress", Group([b"1"]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    runner.computed(runner.must_ask(), progress=[core_pb2.Progress(label="x", total=3, done=2)])
    # The request has one field, the job's id, like that of GetJob.
    request = job_pb2.GetJobRequest(job_id=job.id)
    polled = call(server, "/workflows.v1.JobService/GetJobProgress", request, core_pb2.Job)
    assert polled.id == job.id
    assert [(one.label, one.total, one.done) for one in polled.progress] == [("x", 3, 2)]
    assert polled.state == core_pb2.JOB_STATE_COMPLETED
    assert polled.HasField("started_at")
    assert (polled.name, polled.trace_parent) == ("", "")


LIST_STORAGE_LOCATIONS = "/workflows.v1.AutomationService/ListStorageLocations"


def test_n_u_runners_of_older_python_clients_start(start_server: Callable[..., Server], tmp_path: Path) -> None:
    """N-U: runners of clients up to 0.52.0 list the storage locations first, and cannot start without an answer."""
    server = start_server(tmp_path / "data")
    listed = call(server, LIST_STORAGE_LOCATIONS, empty_pb2.Empty(), storage_location_pb2.StorageLocations)
    assert list(listed.locations) == []


@pytest.mark.not_served_yet("StorageLocationService")
def test_n_u_storage_locations_of_older_python_clients(server: Server, client: Client) -> None:
    """N-U: both services list the same ones."""
    location = client.storage_locations().create("old", LocalReference("/data"))
    listed = call(server, LIST_STORAGE_LOCATIONS, empty_pb2.Empty(), storage_location_pb2.StorageLocations)
    assert location.id.bytes in [one.id.uuid for one in listed.locations]


def test_n_u_task_summaries_in_jobs(client: Client, wire: Wire, cluster: Cluster) -> None:
    """N-U, J-55: field 9 comes with SubmitJob and GetJob, in the older layout, and never with QueryJobs."""
    job = submit(wire, cluster.slug, "old", Group([b"1"]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    root = runner.must_ask()
    runner.computed(root, Group([b"2"]))
    got = wire.jobs.GetJob(job_pb2.GetJobRequest(job_id=job.id))
    filters = job_pb2.QueryFilters(cluster_slugs=[cluster.slug])
    (listed,) = wire.jobs.QueryJobs(job_pb2.QueryJobsRequest(filters=filters)).jobs

    assert [length_delimited(summary)[2] for summary in summaries(job)] == [b"Leaf"]
    assert summaries(listed) == []
    first, second = (length_delimited(summary) for summary in summaries(got))
    assert first[1] == root.id.SerializeToString()
    assert 4 not in first
    assert second[4] == first[1], "the parent's id"
    assert {6, 7} <= set(first), "start and stop"


def summaries(job: core_pb2.Job) -> list[bytes]:
    """The values of field 9, which the SDK's own messages keep as an unknown field."""
    return [value for number, value in fields(job.SerializeToString()) if number == 9 and isinstance(value, bytes)]


def length_delimited(message: bytes) -> dict[int, bytes]:
    return {number: value for number, value in fields(message) if isinstance(value, bytes)}


def fields(message: bytes) -> list[tuple[int, bytes | int]]:
    """Number and value of each field of an encoded message that holds varints and lengths only."""
    found: list[tuple[int, bytes | int]] = []
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(message):
        tag = varint()
        value: bytes | int = varint()
        if tag & 7 == 2:
            end = position + int(value)
            value, position = message[position:end], end
        else:
            assert tag & 7 == 0, "only varints and lengths occur in jobs and task summaries"
        found.append((tag >> 3, value))
    return found


def single(cluster: Cluster, text: bytes, *dependencies: int) -> core_pb2.SingleTaskSubmission:
    return core_pb2.SingleTaskSubmission(
        cluster_slug=cluster.slug,
        identifier=core_pb2.TaskIdentifier(name="Leaf", version="v0.0"),
        input=text,
        display="Leaf",
        dependencies=dependencies,
        max_retries=1,
    )


def test_t_83_flat_submission_of_a_job(wire: Wire, cluster: Cluster) -> None:
    """T-83, LM-10: single submissions with dependencies given as positions."""
    tasks = [single(cluster, b"1"), single(cluster, b"2"), single(cluster, b"3", 0, 1)]
    request = job_pb2.SubmitJobRequest(legacy_tasks=tasks, job_name="flat", trace_parent=trace_parent())
    wire.jobs.SubmitJob(request)
    runner = HandRunner(wire, cluster.slug, "Leaf")
    first, second = runner.must_ask(), runner.must_ask()
    assert {first.input, second.input} == {b"1", b"2"}
    assert runner.computed(first) is None
    last = runner.computed(second)
    assert last is not None
    assert last.input == b"3"


def test_t_83_flat_submission_of_subtasks(wire: Wire, cluster: Cluster) -> None:
    """T-83: the same in a report."""
    job = submit(wire, cluster.slug, "flat", Group([b"root"]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    root = runner.must_ask()
    children = [single(cluster, b"1"), single(cluster, b"2", 0)]
    report = task_pb2.ComputedTask(id=root.id, legacy_sub_tasks=children)
    runner.next(task_pb2.NextTaskRequest(computed_task=report))
    first = runner.must_ask()
    assert runner.ask() is None
    second = runner.computed(first)
    assert second is not None
    assert (first.input, second.input) == (b"1", b"2")
    tree = wire.tree(UUID(bytes=job.id.uuid))
    assert [child.input for child in tree.root.children] == [b"1", b"2"]
    assert tree.root.state == TaskState.COMPUTED


def test_lm_10_flat_submissions_have_a_limit(wire: Wire, cluster: Cluster) -> None:
    """LM-10: 1000 for each call."""
    for count, accepted in ((1000, True), (1001, False)):
        request = job_pb2.SubmitJobRequest(
            legacy_tasks=[single(cluster, b"")] * count, job_name="flat", trace_parent=trace_parent()
        )
        if accepted:
            wire.jobs.SubmitJob(request)
        else:
            with pytest.raises(ArgumentError, match="1000"):
                wire.jobs.SubmitJob(request)
