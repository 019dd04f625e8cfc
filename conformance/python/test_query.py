"""Finding jobs among many: filters, intervals, order, paging, counts (J-42 to J-59)."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from _tilebox.grpc.error import ArgumentError
from google.protobuf.duration_pb2 import Duration
from tilebox.datasets.query.time_interval import TimeInterval
from tilebox.datasets.tilebox.v1 import query_pb2
from tilebox.workflows import Client, ExecutionContext, Job, Task
from tilebox.workflows.automations import CronTask
from tilebox.workflows.data import Cluster, JobState, TaskState
from tilebox.workflows.workflows.v1 import job_pb2

from harness.wire import Group, HandRunner, Wire, submit, wire_id

MANY = 250


class Leaf(Task):
    number: int

    def execute(self, context: ExecutionContext) -> None:
        """Never run here."""


@pytest.fixture(scope="module")
def many(client: Client) -> tuple[Cluster, list[Job]]:
    """A cluster with 250 jobs, more than two pages, in the order of their submission."""
    cluster = client.clusters().create("many jobs")
    return cluster, [client.jobs().submit(f"job-{n}", Leaf(n), cluster=cluster) for n in range(MANY)]


def ids(jobs: list[Job]) -> list[uuid.UUID]:
    return [job.id for job in jobs]


def test_j_52_query_returns_every_page(client: Client, many: tuple[Cluster, list[Job]]) -> None:
    """J-51, J-52, J-53, J-55: newest first, no gaps, no repeats, with statistics."""
    cluster, jobs = many
    found = client.jobs().query(clusters=cluster)
    assert ids(found) == ids(jobs)[::-1]
    assert found[0] == jobs[-1]


def query(wire: Wire, cluster: Cluster, direction: int = 0, **page: object) -> job_pb2.QueryJobsResponse:
    """One page of a query below the SDK."""
    request = job_pb2.QueryJobsRequest(
        filters=job_pb2.QueryFilters(cluster_slugs=[cluster.slug]),
        page=query_pb2.Pagination(**page),
        sort_direction=direction,
    )
    return wire.jobs.QueryJobs(request)


def test_j_52_default_page_and_limits(wire: Wire, many: tuple[Cluster, list[Job]]) -> None:
    """J-52, Q15: 100 jobs without a limit, as many as asked for otherwise; the last page names no next one."""
    cluster, _ = many
    first = query(wire, cluster)
    assert len(first.jobs) == 100
    assert first.next_page.starting_after.uuid == first.jobs[-1].id.uuid
    assert len(query(wire, cluster, limit=7).jobs) == 7
    everything = query(wire, cluster, limit=MANY)
    assert len(everything.jobs) == MANY
    assert not everything.next_page.starting_after.uuid
    assert not query(wire, cluster, limit=100000).next_page.starting_after.uuid


@pytest.mark.parametrize("limit", [0, -1])
def test_j_54_limit_below_one(wire: Wire, many: tuple[Cluster, list[Job]], limit: int) -> None:
    """J-54, LM-16."""
    with pytest.raises(ArgumentError):
        query(wire, many[0], limit=limit)


def test_j_51_both_directions(wire: Wire, many: tuple[Cluster, list[Job]]) -> None:
    """J-51: by submission; descending when asked for, and when not said."""
    cluster, jobs = many
    oldest_first = [job.id.bytes for job in jobs]
    ascending = query(wire, cluster, query_pb2.SORT_DIRECTION_ASCENDING, limit=MANY)
    assert [job.id.uuid for job in ascending.jobs] == oldest_first
    descending = query(wire, cluster, query_pb2.SORT_DIRECTION_DESCENDING, limit=MANY)
    assert [job.id.uuid for job in descending.jobs] == oldest_first[::-1]


def test_j_53_jobs_submitted_between_pages_disturb_nothing(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-53: what existed at the first call is seen exactly once, newest first as well as oldest first."""
    jobs = [client.jobs().submit("paged", Leaf(n), cluster=cluster) for n in range(10)]
    for direction in (query_pb2.SORT_DIRECTION_DESCENDING, query_pb2.SORT_DIRECTION_ASCENDING):
        seen, after = [], None
        while True:
            page = query(wire, cluster, direction, limit=3, starting_after=after)
            seen += [job.id.uuid for job in page.jobs]
            if not page.next_page.starting_after.uuid:
                break
            after = page.next_page.starting_after
            if len(seen) < 6:
                client.jobs().submit("in between", Leaf(0), cluster=cluster)
        old = [id for id in seen if uuid.UUID(bytes=id) in ids(jobs)]
        assert sorted(old) == sorted(job.id.bytes for job in jobs)


def test_j_43_time_interval(client: Client, many: tuple[Cluster, list[Job]]) -> None:
    """J-43: on the submission time, start included, end excluded unless said otherwise."""
    cluster, jobs = many
    start, end = jobs[50].submitted_at, jobs[200].submitted_at
    assert start < end

    def expected(matches: Callable[[Job], bool]) -> list[uuid.UUID]:
        return [job.id for job in jobs[::-1] if matches(job)]

    find = client.jobs().query
    assert ids(find((start, end), clusters=cluster)) == expected(lambda job: start <= job.submitted_at < end)
    both = TimeInterval(start, end, start_exclusive=False, end_inclusive=True)
    assert ids(find(both, clusters=cluster)) == expected(lambda job: start <= job.submitted_at <= end)
    neither = TimeInterval(start, end, start_exclusive=True, end_inclusive=False)
    assert ids(find(neither, clusters=cluster)) == expected(lambda job: start < job.submitted_at < end)
    assert ids(find(start, clusters=cluster)) == expected(lambda job: job.submitted_at == start)
    assert find((start - timedelta(days=2), start - timedelta(days=1)), clusters=cluster) == []


def test_j_44_id_interval(client: Client, many: tuple[Cluster, list[Job]]) -> None:
    """J-44: on the byte order of ids; the SDK includes both ends; texts work as well as ids."""
    cluster, jobs = many
    ordered = sorted(ids(jobs))
    low, high = ordered[10], ordered[20]
    expected = ordered[10:21][::-1]
    assert ids(client.jobs().query((low, high), clusters=cluster)) == expected
    assert ids(client.jobs().query((str(low), str(high)), clusters=cluster)) == expected


def test_j_44_id_interval_bounds(wire: Wire, many: tuple[Cluster, list[Job]]) -> None:
    """J-44: without the flags the start is included and the end is not."""
    cluster, jobs = many
    ordered = sorted(job.id.bytes for job in jobs)
    for start_exclusive, end_inclusive, expected in (
        (False, False, ordered[10:20]),
        (True, False, ordered[11:20]),
        (False, True, ordered[10:21]),
        (True, True, ordered[11:21]),
    ):
        interval = query_pb2.IDInterval(
            start_id=wire_id(ordered[10]),
            end_id=wire_id(ordered[20]),
            start_exclusive=start_exclusive,
            end_inclusive=end_inclusive,
        )
        filters = job_pb2.QueryFilters(cluster_slugs=[cluster.slug], id_interval=interval)
        found = wire.jobs.QueryJobs(job_pb2.QueryJobsRequest(filters=filters)).jobs
        assert sorted(job.id.uuid for job in found) == expected


def test_j_45_both_intervals(wire: Wire) -> None:
    """J-45: INVALID_ARGUMENT."""
    filters = job_pb2.QueryFilters()
    filters.time_interval.start_time.seconds = 1
    filters.time_interval.end_time.seconds = 2
    filters.id_interval.start_id.uuid = b"\x01" * 16
    filters.id_interval.end_id.uuid = b"\x02" * 16
    with pytest.raises(ArgumentError):
        wire.jobs.QueryJobs(job_pb2.QueryJobsRequest(filters=filters))


def test_j_42_no_filters_at_all(client: Client, many: tuple[Cluster, list[Job]]) -> None:
    """J-42, J-45: everything matches; neither interval is needed."""
    found = ids(client.jobs().query())
    assert set(ids(many[1])) <= set(found)
    assert len(found) == len(set(found))


def test_j_46_name_filter(client: Client, cluster: Cluster, unique: str) -> None:
    """J-46: every word of the filter occurs in the name, whatever its case, and all separators are alike."""
    job = client.jobs().submit(f"Sentinel-2 Mosaic_v2/Berlin.tif {unique}", Leaf(1), cluster=cluster)
    other = client.jobs().submit(f"Landsat 9 Berlin {unique}", Leaf(1), cluster=cluster)

    def found(words: str) -> list[uuid.UUID]:
        return ids(client.jobs().query(name=words, clusters=cluster))

    assert found(unique) == [other.id, job.id]
    for words in ("mosaic", "MOSAIC", "sentinel 2", "sentinel_2", "berlin sentinel", "mosaic-v2", "Mos", "v2.berlin"):
        assert found(words) == [job.id], words
    assert found("berlin") == [other.id, job.id]
    assert found("tokyo") == []
    assert found("berlin tokyo") == []


def test_j_46_name_filter_takes_patterns_literally(client: Client, cluster: Cluster) -> None:
    """J-46: characters that mean something to a database mean nothing here."""
    job = client.jobs().submit("100% 'sure'", Leaf(1), cluster=cluster)
    client.jobs().submit("100 sure", Leaf(1), cluster=cluster)
    assert ids(client.jobs().query(name="%", clusters=cluster)) == [job.id]
    assert ids(client.jobs().query(name="'", clusters=cluster)) == [job.id]


def test_lm_15_name_filter_length(client: Client, cluster: Cluster) -> None:
    """LM-15: 100 characters, counted as characters, are accepted; 101 are not."""
    job = client.jobs().submit("ö" * 100, Leaf(1), cluster=cluster)
    assert ids(client.jobs().query(name="ö" * 100, clusters=cluster)) == [job.id]
    with pytest.raises(ArgumentError, match="100"):
        client.jobs().query(name="ö" * 101)


@pytest.fixture
def one_of_each(client: Client, wire: Wire, cluster: Cluster) -> dict[JobState, Job]:
    """One job in each state, made by a runner played by hand."""
    jobs = {}
    runner = HandRunner(wire, cluster.slug, "Leaf")

    def started(state: JobState):
        jobs[state] = client.jobs().submit(state.name, Leaf(1), cluster=cluster)
        return runner.must_ask()

    runner.computed(started(JobState.COMPLETED), ask=False)
    runner.failed(started(JobState.FAILED))
    runner.computed(started(JobState.STARTED), Group([b"2"], name="Unknown"), ask=False)
    started(JobState.RUNNING)
    jobs[JobState.CANCELED] = client.jobs().submit("CANCELED", Leaf(1), cluster=cluster)
    client.jobs().cancel(jobs[JobState.CANCELED])
    jobs[JobState.SUBMITTED] = client.jobs().submit("SUBMITTED", Leaf(1), cluster=cluster)
    return jobs


def test_j_47_job_state_filter(client: Client, cluster: Cluster, one_of_each: dict[JobState, Job]) -> None:
    """J-47, J-21: the computed state; several states combine with OR."""
    for state, job in one_of_each.items():
        assert client.jobs().find(job).state == state
        assert ids(client.jobs().query(job_states=state, clusters=cluster)) == [job.id], state
    pair = [JobState.FAILED, JobState.CANCELED]
    found = client.jobs().query(job_states=pair, clusters=cluster)
    assert set(ids(found)) == {one_of_each[state].id for state in pair}


def test_j_48_task_state_filter(client: Client, cluster: Cluster, one_of_each: dict[JobState, Job]) -> None:
    """J-48: a job matches when one of its tasks is in one of the states."""

    def found(*states: TaskState) -> set[JobState]:
        matching = ids(client.jobs().query(task_states=list(states), clusters=cluster))
        return {state for state, job in one_of_each.items() if job.id in matching}

    assert found(TaskState.RUNNING) == {JobState.RUNNING}
    assert found(TaskState.FAILED) == {JobState.FAILED}
    assert found(TaskState.COMPUTED) == {JobState.COMPLETED, JobState.STARTED}
    assert found(TaskState.QUEUED) == {JobState.STARTED, JobState.CANCELED, JobState.SUBMITTED}
    assert found(TaskState.RUNNING, TaskState.FAILED) == {JobState.RUNNING, JobState.FAILED}
    assert found(TaskState.SKIPPED) == set()


def test_j_42_filters_combine_with_and(client: Client, cluster: Cluster, one_of_each: dict[JobState, Job]) -> None:
    """J-42: across filters with AND."""
    started = one_of_each[JobState.STARTED]
    find = client.jobs().query
    everything = (started.submitted_at - timedelta(hours=1), started.submitted_at + timedelta(hours=1))
    matching = find(
        everything, job_states=JobState.STARTED, task_states=TaskState.QUEUED, name="started", clusters=cluster
    )
    assert ids(matching) == [started.id]
    assert find(job_states=JobState.STARTED, task_states=TaskState.FAILED, clusters=cluster) == []
    assert find(job_states=JobState.STARTED, name="running", clusters=cluster) == []


def test_j_50_cluster_filter(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-50: jobs with at least one task on one of the clusters, be it a subtask; empty slugs never leave the SDK."""
    other = client.clusters().create("other")
    here = client.jobs().submit("here", Leaf(1), cluster=cluster)
    both = client.jobs().submit("both", Leaf(1), cluster=cluster)
    there = client.jobs().submit("there", Leaf(1), cluster=other)
    runner = HandRunner(wire, cluster.slug, "Leaf")
    runner.computed(runner.must_ask(), ask=False)
    runner.computed(runner.must_ask(), Group([b"2"], cluster=other.slug), ask=False)

    assert ids(client.jobs().query(clusters=cluster)) == [both.id, here.id]
    assert ids(client.jobs().query(clusters=other)) == [there.id, both.id]
    assert ids(client.jobs().query(clusters=[cluster, other.slug])) == [there.id, both.id, here.id]
    assert client.jobs().query(clusters="no-such-cluster") == []
    with pytest.raises(ValueError, match="explicit cluster slugs"):
        client.jobs().query(clusters="")


@pytest.mark.not_served_yet("AutomationService")
def test_j_49_automation_filter(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-7, J-49: jobs of the given automations, and no others."""

    class NewYear(CronTask):
        def execute(self, context: ExecutionContext) -> None:
            """Never due during a test."""

    automations = [
        client.automations().create_cron_automation(f"automation {n}", NewYear(), "0 0 1 1 *", cluster=cluster)
        for n in range(2)
    ]
    jobs = [
        uuid.UUID(bytes=submit(wire, cluster.slug, "by automation", Group([b""]), automation_id=one.id).id.uuid)
        for one in automations
    ]
    client.jobs().submit("by hand", Leaf(1), cluster=cluster)

    assert ids(client.jobs().query(automation_ids=automations[0].id)) == [jobs[0]]
    assert ids(client.jobs().query(automation_ids=[one.id for one in automations])) == jobs[::-1]
    assert client.jobs().query(automation_ids=uuid.UUID(int=1 << 100)) == []
    for one in automations:
        client.automations().delete(one, cancel_jobs=True)
    assert client.jobs().find(jobs[0]).state == JobState.CANCELED


def test_j_58_state_counts(client: Client, wire: Wire, one_of_each: dict[JobState, Job]) -> None:
    """J-58: jobs of a time interval by state, and their total."""
    jobs = sorted(one_of_each.values(), key=lambda job: job.id)
    request = job_pb2.GetJobStateCountsRequest(time_interval=interval_around(jobs))
    answer = wire.jobs.GetJobStateCounts(request)
    assert {JobState(entry.state): entry.count for entry in answer.state_counts if entry.count} == dict.fromkeys(
        one_of_each, 1
    )
    assert answer.total_jobs == len(one_of_each)


def test_j_59_queue_statistics(wire: Wire, one_of_each: dict[JobState, Job]) -> None:
    """J-59: waiting are SUBMITTED and STARTED jobs; the oldest of them comes along."""
    jobs = sorted(one_of_each.values(), key=lambda job: job.id)
    request = job_pb2.GetTaskQueueStatsRequest(
        job_time_interval=interval_around(jobs), job_max_age=Duration(seconds=3600)
    )
    answer = wire.jobs.GetTaskQueueStats(request)
    assert (answer.waiting_jobs, answer.running_jobs) == (2, 1)
    assert answer.oldest_waiting_job.id.uuid == one_of_each[JobState.STARTED].id.bytes


def interval_around(jobs: list[Job]) -> query_pb2.TimeInterval:
    """From the first job to the last one, both included; nothing else is submitted meanwhile."""
    return TimeInterval(
        jobs[0].submitted_at, jobs[-1].submitted_at, start_exclusive=False, end_inclusive=True
    ).to_message()
