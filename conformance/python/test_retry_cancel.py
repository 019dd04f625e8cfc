"""Retrying and canceling jobs (J-60 to J-75), and what a job's state is meanwhile (J-21, J-22, S-22 to S-25)."""

from typing import ClassVar

from tilebox.workflows import Client, ExecutionContext, Job, Task
from tilebox.workflows.data import Cluster, JobState, TaskState
from tilebox.workflows.workflows.v1 import job_pb2, task_pb2

from harness.runners import run_all
from harness.wire import Group, HandRunner, Wire, wire_id


class Movies(Task):
    """The documented example: four movies, one of which cannot be processed at first."""

    def execute(self, context: ExecutionContext) -> None:
        context.submit_subtasks([Movie("Metropolis"), Movie("Nosferatu"), Movie("Faust"), Movie("Sunrise")])


class Movie(Task):
    title: str
    lost: ClassVar[set[str]] = set()
    seen: ClassVar[list[str]] = []

    def execute(self, context: ExecutionContext) -> None:
        Movie.seen.append(self.title)
        if self.title in Movie.lost:
            raise FileNotFoundError(self.title)


def children(wire: Wire, job: Job) -> list[str]:
    return [child.state.name for child in wire.tree(job).root.children]


def test_j_68_movies(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-61, J-62, J-64, J-66, J-68: after the retry exactly the failed and the queued child run."""
    Movie.seen.clear()
    Movie.lost = {"Faust"}
    job = client.jobs().submit("movies", Movies(), cluster=cluster)
    run_all(client, cluster, [Movies, Movie])

    assert client.jobs().find(job).state == JobState.FAILED
    assert children(wire, job) == ["COMPUTED", "COMPUTED", "FAILED", "QUEUED"]
    assert Movie.seen == ["Metropolis", "Nosferatu", "Faust"]

    Movie.seen.clear()
    Movie.lost = set()
    assert client.jobs().retry(job) == 1
    assert client.jobs().find(job).state == JobState.STARTED
    run_all(client, cluster, [Movies, Movie])
    assert Movie.seen == ["Faust", "Sunrise"]
    assert client.jobs().find(job).state == JobState.COMPLETED
    assert children(wire, job) == ["COMPUTED"] * 4


def test_j_22_flaky_task_replayed(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-22, J-24, J-64, T-45: the recorded run of a job that fails twice and is retried by its user.

    The job is RUNNING right after a retry although nothing runs, and the display keeps the errors of all executions.
    """
    displays = []
    failures = ["first error", "second error"]

    class FlakyTask(Task):
        def execute(self, context: ExecutionContext) -> None:
            displays.append(context.current_task.display)
            if failures:
                raise ValueError(failures.pop(0))

    jobs = client.jobs()
    job = jobs.submit("flaky-task", FlakyTask(), cluster=cluster)
    assert job.state == JobState.SUBMITTED
    for expected_displays in (1, 2):
        run_all(client, cluster, [FlakyTask])
        assert jobs.find(job).state == JobState.FAILED
        assert len(displays) == expected_displays
        assert jobs.retry(job) == 1
        assert jobs.find(job).state == JobState.RUNNING
    run_all(client, cluster, [FlakyTask])

    assert jobs.find(job).state == JobState.COMPLETED
    first, second = "FlakyTask\nValueError('first error')", "\nValueError('second error')"
    assert displays == ["FlakyTask", first, first + second]
    assert wire.tree(job).root.display == first + second


def test_j_32_statistics_describe_the_latest_execution(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-30 to J-32, S-4: earlier executions of a retried task do not count."""
    failures = [1]

    class Once(Task):
        def execute(self, context: ExecutionContext) -> None:
            if failures:
                raise ValueError(failures.pop())

    job = client.jobs().submit("stats", Once(), cluster=cluster)
    run_all(client, cluster, [Once])
    earlier = client.jobs().find(job).execution_stats.last_task_stopped_at
    client.jobs().retry(job)
    run_all(client, cluster, [Once])
    stats = client.jobs().find(job).execution_stats
    assert earlier is not None
    assert stats.first_task_started_at is not None
    assert stats.first_task_started_at >= earlier
    assert stats.compute_time == stats.elapsed_time


def test_j_65_retries_start_anew(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-65: a retried job has its full allowance of retries again; the retry count keeps counting."""
    counts = []

    class Hopeless(Task):
        def execute(self, context: ExecutionContext) -> None:
            counts.append(context.current_task.retry_count)
            raise ValueError("never")

    job = client.jobs().submit("hopeless", Hopeless(), cluster=cluster, max_retries=2)
    run_all(client, cluster, [Hopeless])
    assert counts == [0, 1, 2]
    client.jobs().retry(job)
    run_all(client, cluster, [Hopeless])
    assert len(counts) == 6
    assert counts[3:] == [3, 4, 5]


def test_j_63_optional_failures_and_skipped_tasks_stay(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-63, S-11: a retry revives neither FAILED_OPTIONAL nor SKIPPED tasks."""
    ran = []
    broken = {"required", "optional", "inside"}

    class Root(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.submit_subtask(Part("optional"), optional=True)
            context.submit_subtask(Branch(), optional=True)
            context.submit_subtask(Part("required"))

    class Branch(Task):
        def execute(self, context: ExecutionContext) -> None:
            inside = context.submit_subtask(Part("inside"))
            context.submit_subtask(Part("skipped"), depends_on=inside)

    class Part(Task):
        name: str

        def execute(self, context: ExecutionContext) -> None:
            ran.append(self.name)
            if self.name in broken:
                raise ValueError(self.name)

    job = client.jobs().submit("mixed", Root(), cluster=cluster)
    run_all(client, cluster, [Root, Branch, Part])
    assert sorted(ran) == ["inside", "optional", "required"]
    assert client.jobs().find(job).state == JobState.FAILED

    broken.clear()
    ran.clear()
    assert client.jobs().retry(job) == 1
    run_all(client, cluster, [Root, Branch, Part])
    assert ran == ["required"]
    stats = client.jobs().find(job).execution_stats
    assert stats.tasks_by_state == {TaskState.COMPUTED: 3, TaskState.SKIPPED: 1, TaskState.FAILED_OPTIONAL: 2}


class Leaf(Task):
    number: int

    def execute(self, context: ExecutionContext) -> None:
        """Played by hand, or nothing to do."""


def test_j_67_retry_of_a_job_that_is_not_halted(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-67: changes nothing, returns 0, in every state."""
    job = client.jobs().submit("fine", Leaf(1), cluster=cluster)
    runner = HandRunner(wire, cluster.slug, "Leaf")
    assert client.jobs().retry(job) == 0
    task = runner.must_ask()
    assert client.jobs().retry(job.id) == 0
    assert client.jobs().find(job).state == JobState.RUNNING
    runner.computed(task)
    assert client.jobs().retry(job) == 0
    assert client.jobs().find(job).state == JobState.COMPLETED


def test_j_71_canceled_job_hands_out_nothing(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-71, J-74, J-64: queued tasks wait until the job is resumed by a retry, which counts none of them."""
    ran = []

    class Counted(Task):
        def execute(self, context: ExecutionContext) -> None:
            ran.append(context.current_task.job.id)

    job = client.jobs().submit("canceled", Counted(), cluster=cluster)
    client.jobs().cancel(job)
    assert client.jobs().find(job).state == JobState.CANCELED
    run_all(client, cluster, [Counted])
    assert ran == []
    assert wire.tree(job).root.state == TaskState.QUEUED

    assert client.jobs().retry(job) == 0
    assert client.jobs().find(job).state == JobState.SUBMITTED
    run_all(client, cluster, [Counted])
    assert ran == [job.id]
    assert client.jobs().find(job).state == JobState.COMPLETED


def test_j_72_running_tasks_of_a_canceled_job(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-72, J-73: they keep their lease and are stored; their children wait QUEUED."""
    job = client.jobs().submit("canceled", Leaf(1), cluster=cluster)
    runner = HandRunner(wire, cluster.slug, "Leaf")
    task = runner.must_ask()
    client.jobs().cancel(job)
    assert client.jobs().find(job).state == JobState.CANCELED

    request = task_pb2.TaskLeaseRequest(task_id=task.id)
    request.requested_lease.seconds = 30
    assert wire.tasks.ExtendTaskLease(request).lease.seconds > 0
    assert runner.computed(task, Group([b"2", b"3"])) is None
    assert children(wire, job) == ["QUEUED", "QUEUED"]
    assert client.jobs().find(job).state == JobState.CANCELED

    client.jobs().retry(job)
    assert client.jobs().find(job).state == JobState.STARTED
    assert runner.must_ask().input == b"2"


def test_j_75_cancel_of_ended_jobs(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-75: canceling a completed, failed or canceled job changes nothing anyone can see."""
    runner = HandRunner(wire, cluster.slug, "Leaf")
    completed = client.jobs().submit("completed", Leaf(1), cluster=cluster)
    runner.computed(runner.must_ask())
    failed = client.jobs().submit("failed", Leaf(1), cluster=cluster)
    runner.failed(runner.must_ask())
    canceled = client.jobs().submit("canceled", Leaf(1), cluster=cluster)
    client.jobs().cancel(canceled)
    for job in (completed, failed, canceled):
        before = client.jobs().find(job)
        client.jobs().cancel(job.id)
        assert client.jobs().find(job) == before


def test_j_21_canceled_job_whose_last_task_ends_is_completed(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-21 line 2 before line 3: nothing was left to cancel."""
    job = client.jobs().submit("late cancel", Leaf(1), cluster=cluster)
    runner = HandRunner(wire, cluster.slug, "Leaf")
    task = runner.must_ask()
    client.jobs().cancel(job)
    runner.computed(task)
    assert client.jobs().find(job).state == JobState.COMPLETED


def test_s_24_and_s_25_running_tasks_of_a_failed_job(client: Client, wire: Wire, cluster: Cluster) -> None:
    """S-22, S-24, S-25, J-21: they run to their end; a failure with retries left waits for the job's retry."""
    job = client.jobs().submit("halted", [Leaf(n) for n in range(4)], cluster=cluster)
    first, second, third = (HandRunner(wire, cluster.slug, "Leaf") for _ in range(3))
    failing, computing, handed_back = first.must_ask(), second.must_ask(), third.must_ask()
    assert first.failed(failing) == TaskState.FAILED

    found = client.jobs().find(job)
    assert found.state == JobState.FAILED
    assert found.execution_stats.tasks_by_state[TaskState.RUNNING] == 2
    assert first.ask() is None
    assert second.computed(computing, Group([b"child"])) is None
    assert third.failed(handed_back, workflow_error=False) == TaskState.QUEUED
    assert third.ask() is None
    states = [root.state.name for root in wire.tree(job).roots]
    assert states == ["FAILED", "COMPUTED", "QUEUED", "QUEUED"]

    assert client.jobs().retry(job) == 1
    inputs = set()
    while task := first.ask():
        inputs.add(task.input)
        first.computed(task, ask=False)
    assert inputs == {b"0", b"2", b"3", b"child"}
    assert client.jobs().find(job).state == JobState.COMPLETED


def test_j_64_retry_counts_failed_tasks(client: Client, wire: Wire, cluster: Cluster) -> None:
    """J-61, J-64: all tasks that failed before the halt took effect are counted and run again."""
    job = client.jobs().submit("two failures", [Leaf(1), Leaf(2), Leaf(3)], cluster=cluster)
    one, two = HandRunner(wire, cluster.slug, "Leaf"), HandRunner(wire, cluster.slug, "Leaf")
    first, second = one.must_ask(), two.must_ask()
    one.failed(first)
    two.failed(second)
    answer = wire.jobs.RetryJob(job_pb2.RetryJobRequest(job_id=wire_id(job)))
    assert answer.num_tasks_rescheduled == 2
    assert client.jobs().find(job).execution_stats.tasks_by_state == {TaskState.QUEUED: 3}
