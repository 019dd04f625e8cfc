"""Large reports (N-7, LM-29, Q30) and large jobs in diagrams (V-16)."""

from uuid import UUID

import pytest
from _tilebox.grpc.error import ArgumentError
from tilebox.workflows import Client, ExecutionContext, Task
from tilebox.workflows.data import Cluster, JobState, TaskState

from harness.runners import run_all
from harness.wire import Group, HandRunner, Wire, submit


class Wide(Task):
    count: int

    def execute(self, context: ExecutionContext) -> None:
        context.submit_subtasks([Narrow(number) for number in range(self.count)])


class Narrow(Task):
    number: int

    def execute(self, context: ExecutionContext) -> None:
        """Nothing to do."""


def test_lm_29_five_thousand_children_in_one_report(client: Client, wire: Wire, cluster: Cluster) -> None:
    """LM-29, T-82: stored at once, in order, and handed out."""
    job = client.jobs().submit("wide", Wide(5000), cluster=cluster)
    run_all(client, cluster, [Wide])

    found = client.jobs().find(job)
    assert found.state == JobState.STARTED
    assert found.execution_stats.total_tasks == 5001
    assert found.execution_stats.tasks_by_state == {TaskState.QUEUED: 5000, TaskState.COMPUTED: 1}
    children = wire.list_tasks(job, parent=wire.root_id(job))
    assert [int(child.input) for child in children] == list(range(5000))
    assert HandRunner(wire, cluster.slug, "Narrow").must_ask().input == b"0"
    client.jobs().cancel(job)


def test_n_7_hundred_thousand_children_in_one_report(client: Client, wire: Wire, cluster: Cluster) -> None:
    """N-7, LM-29, Q30: a report of more than 4 MiB, with inputs of some size; the job can still be canceled."""
    count = 100_000
    job = submit(wire, cluster.slug, "wider", Group([b""], name="Root"))
    runner = HandRunner(wire, cluster.slug, "Root", "Leaf")
    inputs = [b"%064d" % number for number in range(count)]
    first = runner.computed(runner.must_ask(), Group(inputs))
    assert first is not None
    assert first.input == inputs[0]
    second = runner.computed(first)
    assert second is not None
    assert second.input == inputs[1]

    id = UUID(bytes=job.id.uuid)
    stats = client.jobs().find(id).execution_stats
    assert stats.total_tasks == count + 1
    assert stats.tasks_by_state == {TaskState.QUEUED: count - 2, TaskState.RUNNING: 1, TaskState.COMPUTED: 2}
    client.jobs().cancel(id)
    assert runner.computed(second) is None
    assert client.jobs().find(id).state == JobState.CANCELED


def test_v_16_diagram_of_too_many_tasks(client: Client, cluster: Cluster) -> None:
    """V-16, LM-20: 200 tasks are drawn, 201 are refused with a message naming the limit."""
    drawn = client.jobs().submit("200", Wide(199), cluster=cluster)
    refused = client.jobs().submit("201", Wide(200), cluster=cluster)
    run_all(client, cluster, [Wide])
    assert "<svg" in client.jobs().visualize(drawn)
    with pytest.raises(ArgumentError, match="200"):
        client.jobs().visualize(refused)
