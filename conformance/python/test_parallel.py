"""Several runners at once, each an official SDK in a process of its own (T-74, R-15, R-66)."""

from collections.abc import Callable
from pathlib import Path

from tilebox.workflows import Client, Job
from tilebox.workflows.data import Cluster, JobState, TaskState

from harness.rendezvous import Rendezvous
from harness.runners import RunnerProcess
from harness.waiting import wait_until
from harness.wire import Wire
from workflows.first_steps import ChildTask, ParentTask
from workflows.meeting import AfterOne, FanOut, Hold, Mark, Meet
from workflows.squares import NUMBERS, Square, Sum, SumOfSquares

RUNNERS = 5


def wait_for_end(client: Client, job: Job) -> Job:
    ended = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELED)
    wait_until(lambda: client.jobs().find(job).state in ended, timeout=60)
    return client.jobs().find(job)


def test_t_74_five_runners_overlap(
    client: Client, cluster: Cluster, rendezvous: Rendezvous, start_runner: Callable[..., RunnerProcess], unique: str
) -> None:
    """T-74, R-9, R-15: five children that only end when all five run at the same time."""
    for _ in range(RUNNERS):
        start_runner(cluster, [FanOut, Meet])
    job = wait_for_end(client, client.jobs().submit("overlap", FanOut(unique, RUNNERS), cluster=cluster))
    assert job.state == JobState.COMPLETED
    assert job.execution_stats.tasks_by_state == {TaskState.COMPUTED: 1 + RUNNERS}
    assert rendezvous.arrivals(unique) == RUNNERS, "every child ran once"
    assert job.execution_stats.parallelism > 1.0


def test_r_9_runners_share_many_tasks(
    client: Client, wire: Wire, cluster: Cluster, start_runner: Callable[..., RunnerProcess]
) -> None:
    """R-9, R-66: three runners share two hundred tasks; each task is executed once, none is lost."""
    job = client.jobs().submit("shared", ParentTask(200), cluster=cluster)
    for _ in range(3):
        start_runner(cluster, [ParentTask, ChildTask])
    job = wait_for_end(client, job)
    assert job.state == JobState.COMPLETED
    assert job.execution_stats.tasks_by_state == {TaskState.COMPUTED: 201}
    assert {task.summary.retry_count for task in wire.tree(job)} == {0}


def test_r_22_run_all_ends_while_others_still_work(
    client: Client, cluster: Cluster, rendezvous: Rendezvous, start_runner: Callable[..., RunnerProcess], unique: str
) -> None:
    """R-22: a runner that only drains the queue ends though another one still executes a task of the same job."""
    job = client.jobs().submit("two", [Hold(unique), Mark(f"{unique} mark")], cluster=cluster)
    start_runner(cluster, [Hold])
    rendezvous.wait_for(f"{unique} started")
    assert start_runner(cluster, [Hold, Mark], until_idle=True).wait() == 0
    assert rendezvous.arrivals(f"{unique} mark") == 1
    assert client.jobs().find(job).state == JobState.RUNNING
    rendezvous.open(unique)
    assert wait_for_end(client, job).state == JobState.COMPLETED


def test_r_66_runners_with_different_tasks_and_one_cache(
    client: Client, wire: Wire, cluster: Cluster, start_runner: Callable[..., RunnerProcess], tmp_path: Path
) -> None:
    """K-3, K-11, T-151, R-66: squares are computed by one process and summed by another, through files they share."""
    cache = tmp_path / "cache"
    mapper = start_runner(cluster, [Square], cache=cache)
    reducer = start_runner(cluster, [SumOfSquares, Sum], cache=cache, cwd=tmp_path)
    job = wait_for_end(client, client.jobs().submit("squares", SumOfSquares(NUMBERS), cluster=cluster))
    assert job.state == JobState.COMPLETED, mapper.output() + reducer.output()
    stored = {path.name: int(path.read_bytes()) for path in (cache / str(job.id) / "squares").iterdir()}
    assert stored == {str(number): number**2 for number in NUMBERS}

    def sums() -> list[int]:
        records = client.jobs().query_logs(job)
        return [record.attributes["result"] for record in records if record.body == "Computed sum of squares"]

    assert wait_until(sums) == [336448]


def test_t_74_dependents_of_one_task_overlap(
    client: Client, cluster: Cluster, start_runner: Callable[..., RunnerProcess], unique: str
) -> None:
    """T-74 with T-92: what waits for the same task starts together when it is done (example 12 with two runners)."""
    for _ in range(2):
        start_runner(cluster, [AfterOne, Mark, Meet])
    job = wait_for_end(client, client.jobs().submit("after one", AfterOne(unique, 2), cluster=cluster))
    assert job.state == JobState.COMPLETED
