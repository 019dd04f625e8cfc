"""Logs and spans, sent by the SDK on its own and queried back (O-1 to O-39)."""

from datetime import UTC, datetime, timedelta

import pytest
from _tilebox.grpc.error import ArgumentError
from tilebox.datasets.query.time_interval import TimeInterval
from tilebox.datasets.tilebox.v1 import query_pb2
from tilebox.workflows import Client, ExecutionContext, Job, Task
from tilebox.workflows.data import Cluster, LogSeverity, Span
from tilebox.workflows.workflows.v1 import telemetry_pb2

from harness.runners import run_all
from harness.telemetry import bodies, logs_of, spans_of, user_attributes
from harness.waiting import wait_until
from harness.wire import Wire, wire_id


class Loud(Task):
    number: int

    def execute(self, context: ExecutionContext) -> None:
        log = context.logger.bind(number=self.number)
        log.debug("not exported by default")
        log.info("for information")
        log.warning("a warning")
        log.error("an error")
        log.critical("the end")


def trace_of(job: Job) -> tuple[str, str]:
    """Trace id and span id of the job's trace parent."""
    _, trace, span, _ = job.trace_parent.split("-")
    return trace, span


def test_o_15_logs_of_a_task(client: Client, wire: Wire, cluster: Cluster) -> None:
    """O-4, O-15, O-18, O-30, O-32: body, severity, attributes and ids of each record, oldest first."""
    job = client.jobs().submit("loud", Loud(7), cluster=cluster)
    run_all(client, cluster, [Loud])

    records = logs_of(client, job, 4)
    assert [(record.body, record.severity_number, record.severity_text) for record in records] == [
        ("for information", 9, "INFO"),
        ("a warning", 13, "WARN"),
        ("an error", 17, "ERROR"),
        ("the end", 21, "FATAL"),
    ]
    task = wire.tree(job).root
    span = one_span(client, job, "task/Loud")
    for record in records:
        assert record.attributes == {
            "number": 7,
            "task_id": str(task.id),
            "trace_id": record.trace_id,
            "span_id": record.span_id,
        }
        assert (record.trace_id, record.span_id) == (trace_of(job)[0], span.span_id)
        assert task.started <= int(record.time.timestamp() * 1e9) + 1_000_000


def one_span(client: Client, job: Job, name: str, count: int = 2) -> Span:
    (found,) = [span for span in spans_of(client, job, count) if span.name == name]
    return found


def test_o_17_runner_attributes(client: Client, cluster: Cluster) -> None:
    """O-17: the resource of the sender comes back as the runner's attributes, with its types."""
    job = client.jobs().submit("loud", Loud(1), cluster=cluster)
    run_all(client, cluster, [Loud])
    records, spans = logs_of(client, job, 4), spans_of(client, job, 2)
    for one in (*records, *spans):
        assert one.runner_attributes["service.namespace"] == "tilebox.workflows"
        assert one.runner_attributes["service.version"] == "0.66.0"
        assert isinstance(one.runner_attributes["process.pid"], int)
    assert len({one.runner_attributes["service.instance.id"] for one in (*records, *spans)}) == 1


def test_o_30_filters_by_task_and_level(client: Client, wire: Wire, cluster: Cluster) -> None:
    """O-30, O-31: one task, one or several severity groups; FATAL belongs to the group of errors."""
    job = client.jobs().submit("two", [Loud(1), Loud(2)], cluster=cluster)
    run_all(client, cluster, [Loud])
    logs_of(client, job, 8)
    first = wire.tree(job).roots[0].id
    query = client.jobs().query_logs

    assert [record.attributes["number"] for record in query(job, task_id=first)] == [1] * 4
    assert bodies(query(job, task_id=str(first), level="warning")) == ["a warning"]
    assert bodies(query(job, level="error")) == ["an error", "the end"] * 2
    assert bodies(query(job, level=[LogSeverity.INFO, LogSeverity.WARNING])) == ["for information", "a warning"] * 2
    assert query(job, level="trace") == []
    assert query(job, task_id=job.id) == []


def test_o_38_attributes_keep_their_types(client: Client, cluster: Cluster) -> None:
    """O-38: text, boolean, integer, double and lists come back as they were."""
    sent = {
        "text": "ünïcode \u2603",
        "empty": "",
        "yes": True,
        "big": 2**62,
        "negative": -1,
        "ratio": 0.5,
        "words": ["a", "b"],
        "numbers": [1, 2],
    }

    class Typed(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.logger.info("typed", **sent)
            with context.tracer.span("typed") as span:
                span.set_attributes(sent)

    job = client.jobs().submit("typed", Typed(), cluster=cluster)
    run_all(client, cluster, [Typed])
    (record,) = logs_of(client, job, 1)
    assert user_attributes(record) == sent
    returned = user_attributes(one_span(client, job, "typed", 3))
    assert {name: list(v) if isinstance(v, tuple) else v for name, v in returned.items()} == sent
    assert (type(returned["yes"]), type(returned["big"]), type(returned["ratio"])) == (bool, int, float)


def test_o_10_and_o_11_spans_of_a_job(client: Client, wire: Wire, cluster: Cluster) -> None:
    """O-10, O-11, O-14, O-33, J-10: the job's span, one for each execution below it, and spans of the task's own."""

    class Outer(Task):
        def execute(self, context: ExecutionContext) -> None:
            with context.tracer.span("outside"), context.tracer.span("inside"):
                context.submit_subtask(Inner())

    class Inner(Task):
        def execute(self, context: ExecutionContext) -> None:
            """Nothing to do."""

    job = client.jobs().submit("spans", Outer(), cluster=cluster)
    run_all(client, cluster, [Outer, Inner])
    found = spans_of(client, job, 5)
    spans = {span.name: span for span in found}
    assert set(spans) == {"job/spans", "task/Outer", "task/Inner", "outside", "inside"}
    trace, root = trace_of(job)
    assert {span.trace_id for span in found} == {trace}
    assert spans["job/spans"].span_id == root
    assert spans["job/spans"].parent_span_id is None
    assert spans["task/Outer"].parent_span_id == root
    assert spans["task/Inner"].parent_span_id == root
    assert spans["outside"].parent_span_id == spans["task/Outer"].span_id
    assert spans["inside"].parent_span_id == spans["outside"].span_id
    tree = wire.tree(job)
    for name in ("Outer", "Inner"):
        assert spans[f"task/{name}"].attributes == {
            "task_id": str(tree.named(name).id),
            "identifier.name": name,
            "identifier.version": "v0.0",
        }
    assert [span.start_time for span in found] == sorted(span.start_time for span in found)
    of_inner = spans_of(client, job, 1, task_id=tree.named("Inner").id)
    assert [span.name for span in of_inner] == ["task/Inner"]


def test_o_12_failed_execution(client: Client, cluster: Cluster) -> None:
    """O-12, O-15: status and exception event of the span; type, message and stack trace in the log."""

    class Breaking(Task):
        def execute(self, context: ExecutionContext) -> None:
            try:
                raise KeyError("inner")
            except KeyError:
                context.logger.exception("caught one")
            raise ValueError("outer")

    job = client.jobs().submit("breaking", Breaking(), cluster=cluster)
    run_all(client, cluster, [Breaking])
    span = one_span(client, job, "task/Breaking")
    assert (span.status_code, span.status_message) == ("STATUS_CODE_ERROR", "Task failed with exception")
    (event,) = [event for event in span.events if event["name"] == "exception"]
    assert event["attributes"]["exception.type"] == "ValueError"
    assert event["attributes"]["exception.message"] == "outer"
    (record,) = logs_of(client, job, 1)
    assert record.attributes["exception.type"] == "KeyError"
    assert record.attributes["exception.message"] == "inner"
    assert "Traceback" in record.attributes["exception.stacktrace"]


def test_o_16_logs_are_events_of_their_span(client: Client, cluster: Cluster) -> None:
    """O-16: each log is also an event, with time, body, level and attributes."""
    job = client.jobs().submit("loud", Loud(3), cluster=cluster)
    run_all(client, cluster, [Loud])
    events = [event for event in one_span(client, job, "task/Loud").events if event["name"] == "log.message"]
    assert [event["attributes"]["body"] for event in events] == ["for information", "a warning", "an error", "the end"]
    assert {event["attributes"]["number"] for event in events} == {3}


def test_o_13_retry_and_cancel(client: Client, cluster: Cluster) -> None:
    """O-13: both leave a span in the trace of the job."""
    job = client.jobs().submit("canceled", Loud(1), cluster=cluster)
    client.jobs().cancel(job)
    client.jobs().retry(job)
    spans = {span.name: span for span in spans_of(client, job, 3)}
    assert set(spans) == {"job/canceled", "cancel_job", "retry_job"}
    assert {spans[name].parent_span_id for name in ("cancel_job", "retry_job")} == {trace_of(job)[1]}
    (event,) = spans["retry_job"].events
    assert event["attributes"] == {"num_tasks_rescheduled": 0}


def test_o_4_jobs_that_share_a_trace_keep_their_logs(client: Client, wire: Wire, cluster: Cluster) -> None:
    """O-4: a job submitted inside a task has the trace of that task's job; the task id tells records apart."""
    submitted = []

    class Submits(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.logger.info("outer job")
            submitted.append(client.jobs().submit("inner", LogsInner(), cluster=cluster))

    class LogsInner(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.logger.info("inner job")

    outer = client.jobs().submit("outer", Submits(), cluster=cluster)
    run_all(client, cluster, [Submits, LogsInner])
    (inner,) = submitted
    assert trace_of(inner)[0] == trace_of(outer)[0]
    assert bodies(logs_of(client, outer, 1)) == ["outer job"]
    assert bodies(logs_of(client, inner, 1)) == ["inner job"]


def test_o_37_job_without_records(client: Client, cluster: Cluster) -> None:
    """O-37: a job nobody has worked on has no logs."""
    job = client.jobs().submit("silent", Loud(1), cluster=cluster)
    assert client.jobs().query_logs(job) == []


def test_o_34_paging_of_logs(client: Client, wire: Wire, cluster: Cluster) -> None:
    """O-34, O-32: more records than one page; both directions; a limit below 1 is refused."""

    class Chatty(Task):
        def execute(self, context: ExecutionContext) -> None:
            for number in range(250):
                context.logger.info("line", number=number)

    job = client.jobs().submit("chatty", Chatty(), cluster=cluster)
    run_all(client, cluster, [Chatty])
    records = logs_of(client, job, 250)
    assert [record.attributes["number"] for record in records] == list(range(250))

    request = telemetry_pb2.QueryJobLogsRequest(
        job_id=wire_id(job),
        page=query_pb2.Pagination(limit=10),
        sort_direction=query_pb2.SORT_DIRECTION_DESCENDING,
    )
    numbers = []
    for _ in range(2):
        answer = wire.telemetry.QueryJobLogs(request)
        for entry in answer.resource_logs:
            (scope,) = entry.scope_logs
            (record,) = scope.log_records
            numbers += [attr.value.int_value for attr in record.attributes if attr.key == "number"]
        request.page.starting_after.CopyFrom(answer.next_page.starting_after)
    assert numbers == list(range(249, 229, -1))
    request.page.limit = 0
    with pytest.raises(ArgumentError):
        wire.telemetry.QueryJobLogs(request)


def test_o_35_and_o_36_logs_over_time(client: Client, wire: Wire, cluster: Cluster, unique: str) -> None:
    """O-35, O-36: logs of all jobs in an interval, newest first, by severity group; and their counts."""

    class Marked(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.logger.info(f"{unique} info")
            context.logger.warning(f"{unique} warning")

    start = datetime.now(UTC) - timedelta(milliseconds=1)
    job = client.jobs().submit("marked", Marked(), cluster=cluster)
    run_all(client, cluster, [Marked])
    logs_of(client, job, 2)
    interval = TimeInterval(start, datetime.now(UTC), start_exclusive=False, end_inclusive=True).to_message()

    def bodies_of(request: telemetry_pb2.QueryLogsInIntervalRequest) -> list[str]:
        found = wire.telemetry.QueryLogsInInterval(request).resource_logs
        texts = [entry.scope_logs[0].log_records[0].body.string_value for entry in found]
        return [text for text in texts if text.startswith(unique)]

    request = telemetry_pb2.QueryLogsInIntervalRequest(time_interval=interval)
    assert bodies_of(request) == [f"{unique} warning", f"{unique} info"]
    request.filters.severity_levels.append(telemetry_pb2.LOG_SEVERITY_GROUP_INFO)
    assert bodies_of(request) == [f"{unique} info"]

    answer = wire.telemetry.GetLogMessageCounts(telemetry_pb2.GetLogMessageCountsRequest(time_interval=interval))
    counts = {entry.severity: entry.count for entry in answer.counts}
    assert counts[telemetry_pb2.LOG_SEVERITY_GROUP_INFO] >= 1
    assert counts[telemetry_pb2.LOG_SEVERITY_GROUP_WARNING] >= 1
    assert answer.total_messages == sum(counts.values())


def test_o_39_results_as_a_data_frame(client: Client, cluster: Cluster) -> None:
    """The documented way to look at logs and spans: as tables."""
    job = client.jobs().submit("loud", Loud(1), cluster=cluster)
    run_all(client, cluster, [Loud])
    assert logs_of(client, job, 4).to_pandas()["body"].iloc[0] == "for information"
    wait_until(lambda: "task/Loud" in set(client.jobs().query_spans(job).to_pandas().get("name", [])))
