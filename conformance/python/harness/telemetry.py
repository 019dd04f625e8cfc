"""Reading back what tasks logged and traced; it arrives a moment after the task, so these wait for it (O-39)."""

from collections.abc import Callable
from typing import Any

from tilebox.workflows import Client, Job
from tilebox.workflows.data import LogRecord, LogRecords, Span, Spans

from harness.waiting import wait_until


def logs_of(client: Client, job: Job, count: int, **filters: Any) -> LogRecords:
    """The log records of a job, as soon as there are `count`.

    A case that says "five times" must see a sixth, so callers compare what comes back with all they expect.
    """
    return _when_complete(lambda: client.jobs().query_logs(job, **filters), count)


def spans_of(client: Client, job: Job, count: int, **filters: Any) -> Spans:
    """The spans of a job, as soon as there are `count`."""
    return _when_complete(lambda: client.jobs().query_spans(job, **filters), count)


def _when_complete(query: Callable[[], Any], count: int) -> Any:
    found: list[Any] = []

    def enough() -> bool:
        found[:] = [query()]
        return len(found[0]) >= count

    try:
        wait_until(enough, timeout=10)
    except AssertionError:
        raise AssertionError(f"expected {count} records, have {len(found[0])}: {found[0]}") from None
    return found[0]


def bodies(records: LogRecords) -> list[str]:
    return [record.body for record in records]


def user_attributes(record: LogRecord | Span) -> dict[str, Any]:
    """The attributes a task gave, without those the SDK adds."""
    added = {"task_id", "trace_id", "span_id"}
    return {name: value for name, value in record.attributes.items() if name not in added}
