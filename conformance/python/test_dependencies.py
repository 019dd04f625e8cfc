"""Dependencies between tasks, and the limit on distinct ones (T-80 to T-100, LM-1)."""

from itertools import pairwise
from uuid import UUID

import pytest
from _tilebox.grpc.error import ArgumentError
from tilebox.workflows import Client, ExecutionContext, Task
from tilebox.workflows.data import Cluster, JobState, TaskState

from harness.runners import run_all
from harness.wire import Group, HandRunner, Wire, submit

RAN: list[int] = []


class Link(Task):
    number: int

    def execute(self, context: ExecutionContext) -> None:
        RAN.append(self.number)


class Chain(Task):
    """Submits tasks that each depend on the one before: as many groups as tasks."""

    length: int

    def execute(self, context: ExecutionContext) -> None:
        previous = None
        for number in range(self.length):
            previous = context.submit_subtask(Link(number), depends_on=previous)


def test_t_100_chain_of_64(client: Client, cluster: Cluster) -> None:
    """T-98, T-100, T-92: 64 groups are accepted and run in order."""
    RAN.clear()
    job = client.jobs().submit("chain", Chain(64), cluster=cluster)
    run_all(client, cluster, [Chain, Link])
    assert list(range(64)) == RAN
    assert client.jobs().find(job).state == JobState.COMPLETED


def test_t_100_chain_of_70(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-98, T-100, R-51: the task fails with a line naming the limit, has no children, and the runner survives."""
    RAN.clear()
    job = client.jobs().submit("chain", Chain(70), cluster=cluster)
    after = client.jobs().submit("after", Link(-1), cluster=cluster)
    run_all(client, cluster, [Chain, Link])

    assert client.jobs().find(job).state == JobState.FAILED
    root = wire.tree(job).root
    assert (root.state, root.children) == (TaskState.FAILED, [])
    first, *rest = root.display.split("\n")
    assert first == "Chain"
    assert "64" in "\n".join(rest)
    assert RAN == [-1]
    assert client.jobs().find(after).state == JobState.COMPLETED


def test_r_51_content_errors_use_up_retries(client: Client, wire: Wire, cluster: Cluster) -> None:
    """R-51, S-6, S-7: such a failure is a workflow error like any other: retried as often as allowed."""
    runs = []

    class TooLong(Task):
        def execute(self, context: ExecutionContext) -> None:
            runs.append(context.current_task.retry_count)
            previous = None
            for number in range(65):
                previous = context.submit_subtask(Link(number), depends_on=previous)

    job = client.jobs().submit("chain", TooLong(), cluster=cluster, max_retries=2)
    run_all(client, cluster, [TooLong])
    assert runs == [0, 1, 2]
    assert wire.tree(job).root.state == TaskState.FAILED


def test_r_51_content_errors_of_optional_tasks(client: Client, cluster: Cluster) -> None:
    """R-51, S-8: inside an optional branch the job goes on."""

    class Root(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.submit_subtask(Chain(70), optional=True)

    job = client.jobs().submit("chain", Root(), cluster=cluster)
    run_all(client, cluster, [Root, Chain, Link])
    job = client.jobs().find(job)
    assert job.state == JobState.COMPLETED
    assert job.execution_stats.tasks_by_state == {TaskState.COMPUTED: 1, TaskState.FAILED_OPTIONAL: 1}


def test_r_51_negative_retries(client: Client, wire: Wire, cluster: Cluster) -> None:
    """R-51, LM-11: the SDK lets them pass; the task that wants them fails, and the runner goes on."""
    RAN.clear()

    class Hopeful(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.submit_subtask(Link(0), max_retries=-1)

    job = client.jobs().submit("hopeful", Hopeful(), cluster=cluster)
    client.jobs().submit("after", Link(-1), cluster=cluster)
    run_all(client, cluster, [Hopeful, Link])
    root = wire.tree(job).root
    assert (root.state, root.children) == (TaskState.FAILED, [])
    assert "retries" in root.display.split("\n", 1)[1]
    assert RAN == [-1]


def test_t_99_two_hundred_mappers_and_a_reducer(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-99, T-150, S-21: two groups; the reducer runs once, after all of them, in the same run."""
    RAN.clear()

    class Reduce(Task):
        def execute(self, context: ExecutionContext) -> None:
            RAN.append(-1)

    class Map(Task):
        def execute(self, context: ExecutionContext) -> None:
            mappers = context.submit_subtasks([Link(number) for number in range(200)])
            context.submit_subtask(Reduce(), depends_on=mappers)

    job = client.jobs().submit("map reduce", Map(), cluster=cluster)
    run_all(client, cluster, [Map, Link, Reduce])
    assert [*range(200), -1] == RAN
    job = client.jobs().find(job)
    assert job.state == JobState.COMPLETED
    assert job.execution_stats.tasks_by_state == {TaskState.COMPUTED: 202}


def test_t_81_layers(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-81, T-92, T-150: layer by layer, each task of a layer on each of the layer before."""

    class Layers(Task):
        def execute(self, context: ExecutionContext) -> None:
            previous = None
            for layer in range(5):
                previous = context.submit_subtasks([Link(layer) for _ in range(4)], depends_on=previous)

    RAN.clear()
    job = client.jobs().submit("layers", Layers(), cluster=cluster)
    run_all(client, cluster, [Layers, Link])
    assert [layer for layer in range(5) for _ in range(4)] == RAN
    layers = [wire.tree(job).root.children[4 * n : 4 * n + 4] for n in range(5)]
    for earlier, later in pairwise(layers):
        assert max(task.stopped for task in earlier) <= min(task.started for task in later)


def test_t_92_waits_for_all_descendants(wire: Wire, cluster: Cluster) -> None:
    """T-92, S-20: with two runners, the dependent starts only after the last grandchild of its dependency."""
    submit(wire, cluster.slug, "deep", Group([b""], name="Root"))
    one, two = (HandRunner(wire, cluster.slug, "Root", "A", "B", "Leaf") for _ in range(2))
    a = one.computed(one.must_ask(), Group([b""], name="A"), Group([b""], name="B", depends_on=[0]))
    assert a is not None
    assert a.identifier.name == "A"
    assert two.ask() is None
    first = one.computed(a, Group([b"1", b"2"]))
    second = two.must_ask()
    assert first is not None
    grandchild = one.computed(first, Group([b"3"]))
    assert grandchild is not None
    assert grandchild.input == b"3"
    assert two.computed(second) is None, "the grandchild still runs"
    b = one.computed(grandchild)
    assert b is not None, "S-21: the very answer to the last report brings the dependent"
    assert b.identifier.name == "B"


def test_t_94_dependents_of_a_failed_task_wait(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-94, J-61: they stay QUEUED until the job is retried, then run after their dependency."""
    RAN.clear()
    broken = [True]

    class First(Task):
        def execute(self, context: ExecutionContext) -> None:
            RAN.append(1)
            if broken:
                raise ValueError(broken.pop())

    class Root(Task):
        def execute(self, context: ExecutionContext) -> None:
            first = context.submit_subtask(First())
            context.submit_subtask(Link(2), depends_on=first)

    job = client.jobs().submit("failed dependency", Root(), cluster=cluster)
    run_all(client, cluster, [Root, First, Link])
    assert [child.state.name for child in wire.tree(job).root.children] == ["FAILED", "QUEUED"]
    client.jobs().retry(job)
    run_all(client, cluster, [Root, First, Link])
    assert RAN == [1, 1, 2]


def test_t_72_children_of_a_failed_execution_do_not_exist(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-71, T-72: a task that submits, fails and is retried has its children once."""
    failures = [1, 2]

    class Forgetful(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.submit_subtasks([Link(1), Link(2)])
            if failures:
                raise ValueError(failures.pop())

    RAN.clear()
    job = client.jobs().submit("forgetful", Forgetful(), cluster=cluster, max_retries=2)
    run_all(client, cluster, [Forgetful, Link])
    assert RAN == [1, 2]
    assert len(wire.tree(job)) == 3


def test_t_91_foreign_handles_are_refused_by_the_sdk(client: Client, cluster: Cluster) -> None:
    """T-91: nothing wrong leaves the runner; the task fails with the SDK's own error."""

    class Confused(Task):
        def execute(self, context: ExecutionContext) -> None:
            handle = context.submit_subtask(Link(1))
            handle.index = 7
            context.submit_subtask(Link(2), depends_on=handle)

    job = client.jobs().submit("confused", Confused(), cluster=cluster)
    run_all(client, cluster, [Confused, Link])
    assert client.jobs().find(job).state == JobState.FAILED


@pytest.mark.parametrize(
    "children",
    [
        [Group([b"1"], depends_on=[1]), Group([b"2"], depends_on=[0])],
        [Group([b"1"], depends_on=[0])],
        [Group([b"1"], depends_on=[5])],
        [Group([])],
    ],
    ids=["cycle", "itself", "out of range", "empty group"],
)
def test_r_50_reports_no_sdk_can_make(wire: Wire, cluster: Cluster, children: list[Group]) -> None:
    """R-50, T-95, E-3: INVALID_ARGUMENT, and the task is still RUNNING and can be reported."""
    job = submit(wire, cluster.slug, "malformed", Group([b""]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    task = runner.must_ask()
    with pytest.raises(ArgumentError):
        runner.computed(task, *children)
    id = UUID(bytes=job.id.uuid)
    assert wire.tree(id).root.state == TaskState.RUNNING
    runner.computed(task, ask=False)
    assert wire.tree(id).root.state == TaskState.COMPUTED
    assert len(wire.tree(id)) == 1
