"""Optional tasks beyond the examples: the recorded runs, and branches with several runners (T-120 to T-139)."""

from uuid import UUID

import pytest
from tilebox.workflows import Client, ExecutionContext, Task
from tilebox.workflows.data import Cluster, JobState, TaskState

from harness.runners import run_all
from harness.wire import Group, HandRunner, Wire, submit


class OptionalSubbranch(Task):
    """Submits an optional branch next to a task that has nothing to do with it."""

    def execute(self, context: ExecutionContext) -> None:
        context.submit_subtask(OptionalSubtasks(False), optional=True)
        context.submit_subtask(SucceedingTask())


class OptionalSubtasks(Task):
    failing_is_optional: bool

    def execute(self, context: ExecutionContext) -> None:
        failing = context.submit_subtask(FailingTask(), optional=self.failing_is_optional)
        context.submit_subtask(SucceedingTask(), depends_on=[failing])


class FailingTask(Task):
    def execute(self, context: ExecutionContext) -> None:
        raise ValueError("on purpose")


class SucceedingTask(Task):
    def execute(self, context: ExecutionContext) -> None:
        """Nothing to do."""


TASKS = [OptionalSubbranch, OptionalSubtasks, FailingTask, SucceedingTask]


def test_t_139_recorded_optional_subbranch(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-125, T-126, T-127, T-139: the required child of an optional task fails; its dependent is skipped."""
    job = client.jobs().submit("optional-subbranch", OptionalSubbranch(), cluster=cluster)
    run_all(client, cluster, TASKS)

    job = client.jobs().find(job)
    assert job.state == JobState.COMPLETED
    assert job.execution_stats.tasks_by_state == {
        TaskState.COMPUTED: 3,
        TaskState.SKIPPED: 1,
        TaskState.FAILED_OPTIONAL: 1,
    }
    tree = wire.tree(job)
    assert [child.name for child in tree.root.children] == ["OptionalSubtasks", "SucceedingTask"]
    branch = tree.named("OptionalSubtasks")
    assert branch.state == TaskState.COMPUTED
    assert [(task.name, task.state.name) for task in branch.children] == [
        ("FailingTask", "FAILED_OPTIONAL"),
        ("SucceedingTask", "SKIPPED"),
    ]
    assert not tree.named("FailingTask").summary.optional


def test_t_93_recorded_optional_subtask(client: Client, cluster: Cluster) -> None:
    """T-93, T-129: an optional task fails; what depends on it runs, and nothing is skipped."""
    job = client.jobs().submit("optional-subtask", OptionalSubtasks(True), cluster=cluster)
    run_all(client, cluster, TASKS)

    job = client.jobs().find(job)
    assert job.state == JobState.COMPLETED
    assert job.execution_stats.tasks_by_state == {TaskState.COMPUTED: 2, TaskState.FAILED_OPTIONAL: 1}


def branch_with_two_running(wire: Wire, cluster: Cluster) -> tuple[UUID, HandRunner, list]:
    """An optional branch with three children, two running and one queued, and a task waiting for the branch."""
    slug = cluster.slug
    job = submit(wire, cluster.slug, "branch", Group([b""], name="Root"))
    runner = HandRunner(wire, slug, "Root", "Branch", "Leaf", "After")
    branch = runner.computed(
        runner.must_ask(), Group([b""], name="Branch", optional=True), Group([b""], name="After", depends_on=[0])
    )
    assert branch is not None
    first = runner.computed(branch, Group([b"1", b"2", b"3"], max_retries=1))
    second = runner.must_ask()
    assert first is not None
    return UUID(bytes=job.id.uuid), runner, [first, second]


def fail_for_good(runner: HandRunner, task) -> TaskState:
    """Fail a task until its one retry is used up."""
    assert runner.failed(task) == TaskState.QUEUED
    again = runner.must_ask()
    assert again.id == task.id
    return runner.failed(again)


def test_t_132_running_tasks_of_a_failed_branch_run_to_their_end(wire: Wire, cluster: Cluster) -> None:
    """T-127, T-132, T-133, T-135: queued ones are skipped, running ones end, their children are stored as SKIPPED."""
    job, runner, (first, second) = branch_with_two_running(wire, cluster)
    assert fail_for_good(runner, first) == TaskState.FAILED_OPTIONAL

    branch = wire.tree(job).named("Branch")
    assert [child.state.name for child in branch.children] == ["FAILED_OPTIONAL", "RUNNING", "SKIPPED"]
    assert runner.ask() is None, "T-135: the task after the branch waits for the one still running"
    after = runner.computed(second, Group([b"4"]))
    assert after is not None
    assert after.identifier.name == "After"
    branch = wire.tree(job).named("Branch")
    assert [child.state.name for child in branch.children] == ["FAILED_OPTIONAL", "COMPUTED", "SKIPPED"]
    assert [child.state.name for child in branch.children[1].children] == ["SKIPPED"]


def test_t_134_no_retries_in_a_failed_branch(wire: Wire, cluster: Cluster) -> None:
    """T-134: a running task of the failed branch that fails too has no second try."""
    _, runner, (first, second) = branch_with_two_running(wire, cluster)
    fail_for_good(runner, first)
    assert runner.failed(second) == TaskState.FAILED_OPTIONAL


def test_t_134_hand_back_in_a_failed_branch(wire: Wire, cluster: Cluster) -> None:
    """T-134: one that is handed back by a runner shutting down is skipped, and the branch has ended."""
    job, runner, (first, second) = branch_with_two_running(wire, cluster)
    fail_for_good(runner, first)
    runner.failed(second, workflow_error=False)
    states = [child.state.name for child in wire.tree(job).named("Branch").children]
    assert states == ["FAILED_OPTIONAL", "SKIPPED", "SKIPPED"]
    assert runner.must_ask().identifier.name == "After"


@pytest.mark.parametrize("outer_fails", [False, True])
def test_t_131_failure_of_the_outer_branch_skips_inner_ones(
    client: Client, cluster: Cluster, outer_fails: bool
) -> None:
    """T-128, T-130, T-131: an inner optional branch is skipped with the outer one, never the other way round."""
    ran = []

    class Outer(Task):
        def execute(self, context: ExecutionContext) -> None:
            failing = context.submit_subtask(Step("fails"), optional=not outer_fails)
            context.submit_subtask(Step("inner"), optional=True, depends_on=failing)
            context.submit_subtask(Step("last"), depends_on=failing)

    class Step(Task):
        name: str

        def execute(self, context: ExecutionContext) -> None:
            ran.append(self.name)
            if self.name == "fails":
                raise ValueError(self.name)

    class Root(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.submit_subtask(Outer(), optional=True)

    job = client.jobs().submit("outer and inner", Root(), cluster=cluster)
    run_all(client, cluster, [Root, Outer, Step])
    assert ran == (["fails"] if outer_fails else ["fails", "inner", "last"])
    stats = client.jobs().find(job).execution_stats.tasks_by_state
    assert stats.get(TaskState.SKIPPED, 0) == (2 if outer_fails else 0)
    assert client.jobs().find(job).state == JobState.COMPLETED


def test_t_136_root_task_optional_on_the_wire(wire: Wire, cluster: Cluster) -> None:
    """T-136: the SDKs never ask for it, the wire allows it: the job completes although its root failed."""
    job = submit(wire, cluster.slug, "optional root", Group([b""], optional=True))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    assert runner.failed(runner.must_ask()) == TaskState.FAILED_OPTIONAL
    assert wire.tree(UUID(bytes=job.id.uuid)).root.state == TaskState.FAILED_OPTIONAL
