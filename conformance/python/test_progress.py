"""Progress indicators (P-1 to P-10)."""

from tilebox.workflows import Client, ExecutionContext, Task
from tilebox.workflows.data import Cluster, JobState, ProgressIndicator, TaskState
from tilebox.workflows.workflows.v1 import core_pb2, job_pb2

from harness.runners import run_all
from harness.wire import Group, HandRunner, Wire, submit


class Leaf(Task):
    number: int

    def execute(self, context: ExecutionContext) -> None:
        context.progress("test").done(1)


def test_p_10_recorded_progress(client: Client, cluster: Cluster) -> None:
    """P-3, P-10: a root that adds four and four leaves that do one each; nothing shows before the first report."""

    class Root(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.progress("test").add(4)
            context.submit_subtasks([Leaf(n) for n in range(4)])

    job = client.jobs().submit("progress", Root(), cluster=cluster)
    assert job.progress == []
    run_all(client, cluster, [Root])
    assert client.jobs().find(job).progress == [ProgressIndicator("test", 4, 0)]
    run_all(client, cluster, [Leaf])
    assert client.jobs().find(job).progress == [ProgressIndicator("test", 4, 4)]
    (listed,) = client.jobs().query(clusters=cluster)
    assert listed.progress == [ProgressIndicator("test", 4, 4)]


def test_p_6_several_indicators(client: Client, cluster: Cluster) -> None:
    """P-1, P-6, P-7: the unnamed one first, then by label; done may exceed total."""

    class Several(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.progress("zebra").add(1)
            context.progress("ant").done(3)
            context.progress().add(10)
            context.progress("").done(4)
            context.progress("ant").add(2)

    job = client.jobs().submit("several", Several(), cluster=cluster)
    run_all(client, cluster, [Several])
    assert client.jobs().find(job).progress == [
        ProgressIndicator(None, 10, 4),
        ProgressIndicator("ant", 2, 3),
        ProgressIndicator("zebra", 1, 0),
    ]


def test_p_3_only_the_latest_execution_counts(client: Client, cluster: Cluster) -> None:
    """P-3 to P-6, R-46: failed reports carry progress; the next report of the task replaces it."""
    attempts = []

    class Flaky(Task):
        def execute(self, context: ExecutionContext) -> None:
            attempts.append(1)
            context.progress("a").add(10)
            context.progress("a").done(len(attempts))
            if len(attempts) == 1:
                context.progress("only once").done(1)
                raise ValueError("first attempt")

    job = client.jobs().submit("flaky", Flaky(), cluster=cluster)
    run_all(client, cluster, [Flaky])
    failed = [ProgressIndicator("a", 10, 1), ProgressIndicator("only once", 0, 1)]
    assert client.jobs().find(job).progress == failed
    client.jobs().retry(job)
    assert client.jobs().find(job).progress == failed, "P-5: a retry alone removes nothing"
    run_all(client, cluster, [Flaky])
    assert client.jobs().find(job).progress == [ProgressIndicator("a", 10, 2)]


def test_p_4_repeated_report_is_counted_once(client: Client, wire: Wire, cluster: Cluster) -> None:
    """P-4, R-40: progress of a report that comes twice is not added twice."""
    job = submit(wire, cluster.slug, "repeated", Group([b"1", b"2"]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    task = runner.must_ask()
    for _ in range(2):
        runner.computed(task, progress=[core_pb2.Progress(label="x", total=3, done=2)], ask=False)
    stored = wire.jobs.GetJob(job_pb2.GetJobRequest(job_id=job.id))
    assert [(one.label, one.total, one.done) for one in stored.progress] == [("x", 3, 2)]


def test_p_8_number_of_indicators(client: Client, cluster: Cluster) -> None:
    """P-8, LM-19: the SDK lets 1001 through, so the server must take them."""

    class Many(Task):
        def execute(self, context: ExecutionContext) -> None:
            for number in range(1001):
                context.progress(f"{number:04}").add(1)

    job = client.jobs().submit("many", Many(), cluster=cluster)
    run_all(client, cluster, [Many])
    job = client.jobs().find(job)
    assert job.state == JobState.COMPLETED
    assert len(job.progress) == 1001


def test_p_9_label_length(client: Client, wire: Wire, cluster: Cluster) -> None:
    """P-9, LM-18, R-51: 100 characters are accepted; 101 fail the task with a line that names the limit."""

    class Labelled(Task):
        length: int

        def execute(self, context: ExecutionContext) -> None:
            context.progress("ö" * self.length).add(1)

    fits = client.jobs().submit("100", Labelled(100), cluster=cluster)
    exceeds = client.jobs().submit("101", Labelled(101), cluster=cluster)
    run_all(client, cluster, [Labelled])
    assert client.jobs().find(fits).progress == [ProgressIndicator("ö" * 100, 1, 0)]
    root = wire.tree(exceeds).root
    assert root.state == TaskState.FAILED
    assert "100" in root.display.split("\n", 1)[1]
