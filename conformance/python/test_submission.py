"""Submitting, finding and cloning jobs (J-1 to J-10, J-40, J-80 to J-82, N-8, N-9)."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from _tilebox.grpc.channel import open_channel
from _tilebox.grpc.error import ArgumentError, InvalidRequestError, NotFoundError, with_pythonic_errors
from tilebox.workflows import Client, ExecutionContext, Task
from tilebox.workflows.data import Cluster, JobState, TaskState
from tilebox.workflows.workflows.v1 import core_pb2, job_pb2, task_release_pb2, task_release_pb2_grpc

from harness.runners import run_all
from harness.server import Server
from harness.wire import Group, HandRunner, Wire, submissions, submit, trace_parent, wire_id


class Leaf(Task):
    number: int

    def execute(self, context: ExecutionContext) -> None:
        """Nothing to do."""


def test_j_6_submit_returns_the_stored_job(client: Client, cluster: Cluster) -> None:
    """J-6, N-9: id, name, trace parent, state and the submission time that is also in the id."""
    before = datetime.now(UTC) - timedelta(seconds=5)
    job = client.jobs().submit("a job", Leaf(1), cluster=cluster)

    assert (job.name, job.state, job.progress) == ("a job", JobState.SUBMITTED, [])
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", job.trace_parent)
    assert before < job.submitted_at < before + timedelta(seconds=60)
    milliseconds = int.from_bytes(job.id.bytes[:6], "big")
    assert milliseconds == round(job.submitted_at.timestamp() * 1000)
    stats = job.execution_stats
    assert (stats.total_tasks, stats.tasks_by_state) == (1, {TaskState.QUEUED: 1})
    assert (stats.first_task_started_at, stats.last_task_stopped_at) == (None, None)
    assert (stats.compute_time, stats.elapsed_time) == (timedelta(), timedelta())


def test_j_41_find_returns_what_submit_returned(client: Client, cluster: Cluster) -> None:
    """J-41: by id, by text, and by the job itself."""
    job = client.jobs().submit("a job", Leaf(1), cluster=cluster)
    for reference in (job, job.id, str(job.id)):
        assert client.jobs().find(reference) == job


def test_j_30_to_j_34_statistics_of_a_finished_job(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-30 to J-34: first start, last stop, compute time as the sum, elapsed time, parallelism at least 1."""
    job = client.jobs().submit("three", [Leaf(1), Leaf(2), Leaf(3)], cluster=cluster)
    run_all(client, cluster, [Leaf])

    stats = client.jobs().find(job).execution_stats
    tasks = list(wire.tree(job))
    first, last = min(task.started for task in tasks), max(task.stopped for task in tasks)
    assert stats.first_task_started_at is not None
    assert stats.last_task_stopped_at is not None
    assert round(stats.first_task_started_at.timestamp() * 1e6) == first // 1000
    assert round(stats.last_task_stopped_at.timestamp() * 1e6) == last // 1000
    close = pytest.approx
    assert stats.elapsed_time.total_seconds() == close((last - first) / 1e9, abs=1e-5)
    assert stats.compute_time.total_seconds() == close(sum(t.stopped - t.started for t in tasks) / 1e9, abs=1e-5)
    assert stats.parallelism >= 1.0


def test_j_24_deprecated_fields_are_kept_in_step(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-24: the legacy state, the canceled mark and the start time that old clients read."""
    job = client.jobs().submit("legacy", Leaf(1), cluster=cluster)
    runner = HandRunner(wire, cluster.slug, "Leaf")
    request = job_pb2.GetJobRequest(job_id=wire_id(job))

    assert wire.jobs.GetJob(request).legacy_state == core_pb2.LEGACY_JOB_STATE_QUEUED
    task = runner.must_ask()
    started = wire.jobs.GetJob(request)
    assert started.legacy_state == core_pb2.LEGACY_JOB_STATE_STARTED
    assert started.started_at == started.execution_stats.first_task_started_at
    assert not started.canceled
    client.jobs().cancel(job)
    assert wire.jobs.GetJob(request).canceled
    runner.computed(task)
    done = wire.jobs.GetJob(request)
    assert (done.legacy_state, done.canceled) == (core_pb2.LEGACY_JOB_STATE_COMPLETED, False)


def test_j_2_several_root_tasks(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-2, J-3: root tasks are independent and keep their order; retries apply to each."""
    job = client.jobs().submit("roots", [Leaf(1), Leaf(2), Leaf(3)], cluster=cluster, max_retries=2)
    roots = wire.tree(job).roots
    assert [root.input for root in roots] == [b"1", b"2", b"3"]
    assert [root.summary.max_retries for root in roots] == [2, 2, 2]
    assert {root.summary.cluster_slug for root in roots} == {cluster.slug}


def test_j_2_one_cluster_for_each_root_task(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-2: as many clusters as tasks; another number is refused by the SDK."""
    other = client.clusters().create("other")
    job = client.jobs().submit("roots", [Leaf(1), Leaf(2)], cluster=[cluster, other])
    assert [root.summary.cluster_slug for root in wire.tree(job).roots] == [cluster.slug, other.slug]
    with pytest.raises(ValueError, match="Mismatch"):
        client.jobs().submit("roots", [Leaf(1), Leaf(2)], cluster=[cluster])


def test_j_3_root_tasks_may_depend_on_each_other(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-3, T-96: the wire allows what the SDK does not offer; a group may even depend on a later one."""
    slug = cluster.slug
    submit(
        wire,
        cluster.slug,
        "diamond",
        Group([b"last"], depends_on=[1]),
        Group([b"left", b"right"], depends_on=[2]),
        Group([b"first"]),
    )
    runner = HandRunner(wire, slug, "Leaf")
    task, order = runner.must_ask(), []
    while task is not None:
        order.append(task.input)
        task = runner.computed(task)
    assert order == [b"first", b"left", b"right", b"last"]


def test_j_5_unknown_cluster(client: Client) -> None:
    """J-5: refused with NOT_FOUND, and nothing is stored."""
    name = uuid.uuid4().hex
    with pytest.raises(NotFoundError):
        client.jobs().submit(name, Leaf(1), cluster="no-such-cluster")
    assert client.jobs().query(name=name) == []


def test_j_8_names_may_repeat(client: Client, cluster: Cluster) -> None:
    """J-8."""
    first = client.jobs().submit("same", Leaf(1), cluster=cluster)
    second = client.jobs().submit("same", Leaf(1), cluster=cluster)
    assert first.id != second.id


def job_request(**changed: object) -> job_pb2.SubmitJobRequest:
    """A valid submission with some fields changed."""
    fields = {"tasks": submissions(Group([b"1"])), "job_name": "job", "trace_parent": trace_parent()} | changed
    return job_pb2.SubmitJobRequest(**fields)


def broken_tasks(change) -> core_pb2.TaskSubmissions:
    """A submission of two groups with one thing wrong with it."""
    tasks = submissions(Group([b"1"]), Group([b"2"], depends_on=[0]))
    change(tasks)
    return tasks


BROKEN_SUBMISSIONS = {
    "J-1: no name": {"job_name": ""},
    "J-1: no trace parent": {"trace_parent": ""},
    "LM-14: no W3C trace parent": {"trace_parent": "someone"},
    "J-1: no tasks": {"tasks": core_pb2.TaskSubmissions()},
    "T-95: cycle": {"tasks": submissions(Group([b"1"], depends_on=[1]), Group([b"2"], depends_on=[0]))},
    "T-95: depends on itself": {"tasks": submissions(Group([b"1"], depends_on=[0]))},
    "T-95: depends on nothing there": {"tasks": submissions(Group([b"1"], depends_on=[1]))},
    "LM-3: empty group": {"tasks": submissions(Group([]))},
    "LM-4: list too short": {"tasks": broken_tasks(lambda tasks: tasks.task_groups[1].max_retries_values.pop())},
    "LM-4: optional list too long": {
        "tasks": broken_tasks(lambda tasks: tasks.task_groups[1].optional_values.append(True))
    },
    "LM-5: pointer out of range": {
        "tasks": broken_tasks(lambda tasks: tasks.task_groups[1].identifier_pointers.__setitem__(0, 2))
    },
    "LM-6: empty display": {"tasks": broken_tasks(lambda tasks: tasks.display_lookup.__setitem__(1, ""))},
    "LM-8: empty identifier name": {"tasks": submissions(Group([b"1"], name=""))},
    "LM-8: identifier name of 257 bytes": {"tasks": submissions(Group([b"1"], name="x" * 257))},
    "LM-9: version without v": {"tasks": submissions(Group([b"1"], version="1.0"))},
    "LM-9: version of three parts": {"tasks": submissions(Group([b"1"], version="v1.0.0"))},
    "T-114: negative retries": {"tasks": submissions(Group([b"1"], max_retries=-1))},
    "LM-1: 65 groups": {"tasks": submissions(*(Group([b"1"], depends_on=[n - 1] if n else []) for n in range(65)))},
    "C-14: malformed cluster": {"tasks": submissions(Group([b"1"], cluster="not a slug"))},
    "N-8: automation id of all zeros": {"automation_id": wire_id(bytes(16))},
}


@pytest.mark.parametrize("rule", BROKEN_SUBMISSIONS)
def test_n_11_broken_submissions_are_refused(wire: Wire, rule: str) -> None:
    """N-11, E-3: INVALID_ARGUMENT, which is an ArgumentError for Python users, and nothing is stored."""
    changed = {"job_name": uuid.uuid4().hex} | BROKEN_SUBMISSIONS[rule]
    with pytest.raises(ArgumentError):
        wire.jobs.SubmitJob(job_request(**changed))
    if changed["job_name"]:
        filters = job_pb2.QueryFilters(name=changed["job_name"])
        assert list(wire.jobs.QueryJobs(job_pb2.QueryJobsRequest(filters=filters)).jobs) == []


def test_lm_4_optional_list_may_be_left_out(wire: Wire, cluster: Cluster) -> None:
    """LM-4: an empty list of optional marks means that no task is optional."""
    tasks = submissions(Group([b"1", b"2"], cluster=cluster.slug))
    del tasks.task_groups[0].optional_values[:]
    job = wire.jobs.SubmitJob(job_request(tasks=tasks))
    assert [task.summary.optional for task in wire.tree(uuid.UUID(bytes=job.id.uuid))] == [False, False]


UNKNOWN = uuid.UUID("01890000-0000-7000-8000-000000000000")


def test_j_40_unknown_jobs(client: Client) -> None:
    """J-40, J-60, J-70, V-18, O-37: NOT_FOUND, which Python users may also catch as a KeyError."""
    jobs = client.jobs()
    for call in (jobs.find, jobs.retry, jobs.cancel, jobs.visualize, jobs.query_logs, jobs.query_spans):
        with pytest.raises(NotFoundError):
            call(UNKNOWN)
        with pytest.raises(KeyError):
            call(UNKNOWN)


def test_j_60_retry_and_cancel_of_unknown_jobs_below_the_sdk(wire: Wire) -> None:
    """J-60, J-70, J-80: the SDK asks for the job first, so these calls are also made without it."""
    id = wire_id(UNKNOWN)
    with pytest.raises(NotFoundError):
        wire.jobs.RetryJob(job_pb2.RetryJobRequest(job_id=id))
    with pytest.raises(NotFoundError):
        wire.jobs.CancelJob(job_pb2.CancelJobRequest(job_id=id))
    with pytest.raises(NotFoundError):
        wire.jobs.ListJobTasks(job_pb2.ListJobTasksRequest(job_id=id))
    with pytest.raises(NotFoundError):
        wire.jobs.GetJobPrototype(job_pb2.GetJobPrototypeRequest(job_id=id))


@pytest.mark.parametrize("id", [b"", bytes(16), b"short", bytes(range(17))], ids=["none", "zeros", "short", "long"])
def test_n_8_malformed_ids(wire: Wire, id: bytes) -> None:
    """N-8: anything but 16 bytes, not all zero, is INVALID_ARGUMENT."""
    with pytest.raises(ArgumentError):
        wire.jobs.GetJob(job_pb2.GetJobRequest(job_id=wire_id(id)))


def test_n_8_missing_id(wire: Wire) -> None:
    """N-8: a required id that is not there at all."""
    with pytest.raises(ArgumentError):
        wire.jobs.GetJob(job_pb2.GetJobRequest())


def test_n_20_unknown_method(server: Server) -> None:
    """N-20: UNIMPLEMENTED, which tells Python users that client and server do not fit; gRPC only, see wire tables."""
    stub = with_pythonic_errors(task_release_pb2_grpc.TaskReleaseServiceStub(open_channel(server.url)))
    with pytest.raises(InvalidRequestError):
        stub.PublishRelease(task_release_pb2.PublishReleaseRequest())


def test_j_80_prototype_and_clone(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-80 to J-82: a clone has the given root tasks, a new id and trace parent; the original is untouched."""
    job = client.jobs().submit("original", [Leaf(1), Leaf(2)], cluster=cluster, max_retries=3)
    prototype = wire.jobs.GetJobPrototype(job_pb2.GetJobPrototypeRequest(job_id=wire_id(job)))
    assert prototype.job_name == "original"
    assert [
        (task.cluster_slug, task.identifier.name, task.identifier.version, task.input, task.display, task.max_retries)
        for task in prototype.root_tasks
    ] == [(cluster.slug, "Leaf", "v0.0", number, "Leaf", 3) for number in (b"1", b"2")]

    prototype.root_tasks[1].input = b"22"
    request = job_pb2.CloneJobRequest(job_id=wire_id(job), root_tasks_overrides=prototype.root_tasks, job_name="clone")
    clone = wire.jobs.CloneJob(request)
    assert clone.id.uuid != job.id.bytes
    assert clone.trace_parent != job.trace_parent
    assert (clone.name, clone.HasField("automation_id")) == ("clone", False)
    assert [task.input for task in wire.tree(uuid.UUID(bytes=clone.id.uuid))] == [b"1", b"22"]
    assert client.jobs().find(job) == job


def test_j_81_clone_limits(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-81, LM-17: 1 to 64 root tasks and a name."""
    job = client.jobs().submit("original", Leaf(1), cluster=cluster)
    (root,) = wire.jobs.GetJobPrototype(job_pb2.GetJobPrototypeRequest(job_id=wire_id(job))).root_tasks
    for count, name in ((0, "clone"), (65, "clone"), (1, "")):
        request = job_pb2.CloneJobRequest(job_id=wire_id(job), root_tasks_overrides=[root] * count, job_name=name)
        with pytest.raises(ArgumentError):
            wire.jobs.CloneJob(request)
    with pytest.raises(NotFoundError):
        wire.jobs.CloneJob(
            job_pb2.CloneJobRequest(job_id=wire_id(UNKNOWN), root_tasks_overrides=[root], job_name="clone")
        )


def test_j_56_task_listing_pages_and_prefetch(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-56, J-57: pages in submission order; a prefetch brings the first children of each listed task along."""
    job = client.jobs().submit("tree", [Leaf(1), Leaf(2)], cluster=cluster)
    runner = HandRunner(wire, cluster.slug, "Leaf")
    first, second = runner.must_ask(), runner.must_ask()
    runner.computed(first, Group([str(n).encode() for n in range(7)]), ask=False)

    children = list(wire.list_tasks(job, parent=uuid.UUID(bytes=first.id.uuid), limit=3))
    assert [child.input for child in children] == [str(n).encode() for n in range(7)]
    assert {child.parent_id.uuid for child in children} == {first.id.uuid}

    request = job_pb2.ListJobTasksRequest(job_id=wire_id(job))
    request.prefetch_children.limit = 4
    answer = wire.jobs.ListJobTasks(request)
    assert [(task.id.uuid, task.has_children) for task in answer.page.tasks] == [
        (first.id.uuid, True),
        (second.id.uuid, False),
    ]
    (page,) = answer.prefetched_child_pages
    assert page.parent_task_id.uuid == first.id.uuid
    assert [child.input for child in page.tasks] == [b"0", b"1", b"2", b"3"]
    assert page.next_page.starting_after.uuid == page.tasks[-1].id.uuid

    with pytest.raises(ArgumentError):
        list(wire.list_tasks(job, limit=0))
