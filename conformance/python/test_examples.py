"""The documented examples as programs: exact inputs, orders with one runner, states, counts, logs, diagrams.

The number in a name is the number of the example. Everything runs through the official SDK; only the listing of stored
inputs goes below it.
"""

from pathlib import Path

import pytest
from tilebox.workflows import Client, ExecutionContext, Job, Task
from tilebox.workflows.cache import InMemoryCache
from tilebox.workflows.data import Cluster, JobState, TaskState
from tilebox.workflows.workflows.v1 import job_pb2

from harness.runners import run_all
from harness.services import AUTHORS, StubServices
from harness.svg import FILL, Diagram, is_dashed
from harness.telemetry import bodies, logs_of, spans_of, user_attributes
from harness.wire import Group, HandRunner, Wire, submit, wire_id
from workflows import (
    dogs,
    dogs_recursive,
    first_steps,
    flaky,
    identifiers,
    nested_optional,
    news,
    optional,
    sequence,
    squares,
)


def counts(job: Job) -> dict[str, int]:
    """The job's task counts by state name."""
    return {state.name: count for state, count in job.execution_stats.tasks_by_state.items()}


def test_01_my_first_task(client: Client, wire: Wire, cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    """T-20, T-51, J-6: one task without inputs runs once; its input is zero bytes."""
    job = client.jobs().submit("my-first-task", first_steps.MyFirstTask(), cluster=cluster)
    assert job.state == JobState.SUBMITTED

    run_all(client, cluster, [first_steps.MyFirstTask])

    assert capsys.readouterr().out.splitlines() == ["Hello World!"]
    job = client.jobs().find(job)
    assert job.state == JobState.COMPLETED
    assert counts(job) == {"COMPUTED": 1}
    root = wire.tree(job).root
    assert (root.display, root.input, root.children) == ("MyFirstTask", b"", [])
    prototype = wire.jobs.GetJobPrototype(job_pb2.GetJobPrototypeRequest(job_id=wire_id(job)))
    (task,) = prototype.root_tasks
    assert (task.identifier.name, task.identifier.version) == ("MyFirstTask", "v0.0")


def test_02_parametrizable_task(
    client: Client, wire: Wire, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """T-23, T-33: several inputs are one compact JSON object in declaration order, stored byte for byte."""
    task = first_steps.ParametrizableTask("Hello", 3, {"key": "value"})
    job = client.jobs().submit("parametrized", task, cluster=cluster)
    run_all(client, cluster, [first_steps.ParametrizableTask])

    assert capsys.readouterr().out.splitlines() == ["HelloHelloHello"]
    assert wire.tree(job).root.input == b'{"message":"Hello","number":3,"data":{"key":"value"}}'
    assert client.jobs().find(job).state == JobState.COMPLETED


def test_03_parent_and_children(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-70, T-73, R-12, J-35: five children in submission order, none started before the parent is computed."""
    job = client.jobs().submit("parent", first_steps.ParentTask(5), cluster=cluster)
    run_all(client, cluster, [first_steps.ParentTask, first_steps.ChildTask])

    job = client.jobs().find(job)
    assert job.state == JobState.COMPLETED
    assert job.execution_stats.total_tasks == 6
    assert counts(job) == {"COMPUTED": 6}
    root = wire.tree(job).root
    assert root.input == b"5"
    assert [child.input for child in root.children] == [b"0", b"1", b"2", b"3", b"4"]
    assert [child.started for child in root.children] == sorted(child.started for child in root.children)
    assert all(child.started >= root.stopped for child in root.children)
    records = logs_of(client, job, 5)
    assert bodies(records) == ["Executing child task"] * 5
    assert [record.attributes["index"] for record in records] == [0, 1, 2, 3, 4]


def test_04_and_05_dog_images(
    client: Client,
    wire: Wire,
    cluster: Cluster,
    services: StubServices,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T-21, V-2, V-3, V-5: one child for each image; six boxes and five solid arrows, all in the computed colour."""
    monkeypatch.chdir(tmp_path)
    Path("dogs").mkdir()
    job = client.jobs().submit("download-dog-images", dogs.DownloadRandomDogImages(5), cluster=cluster)
    assert (job.name, job.state) == ("download-dog-images", JobState.SUBMITTED)

    run_all(client, cluster, [dogs.DownloadRandomDogImages, dogs.DownloadImage])

    job = client.jobs().find(job)
    assert counts(job) == {"COMPUTED": 6}
    root = wire.tree(job).root
    assert root.input == b"5"
    assert [child.input for child in root.children] == [f'"{dog["url"]}"'.encode() for dog in services.dogs(5)]
    assert sorted(path.name for path in Path("dogs").iterdir()) == [f"dog-{n}.jpg" for n in range(5)]

    diagram = Diagram(client.jobs().visualize(job))
    assert sorted(diagram.labels()) == ["DownloadImage"] * 5 + ["DownloadRandomDogImages"]
    assert len(diagram.subtask_edges()) == 5
    assert not any(is_dashed(edge) for edge in diagram.subtask_edges())
    assert diagram.dependency_edges() == []
    assert len(diagram.boxes(FILL["COMPUTED"])) == 6


def test_06_and_07_sum_of_squares(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-150, T-151, T-41, V-4: map-reduce through the job cache; the sum comes after all squares."""
    job = client.jobs().submit("sum-of-squares", squares.SumOfSquares(squares.NUMBERS), cluster=cluster)
    run_all(client, cluster, [squares.SumOfSquares, squares.Square, squares.Sum], cache=InMemoryCache())

    job = client.jobs().find(job)
    assert job.state == JobState.COMPLETED
    assert counts(job) == {"COMPUTED": 8}
    (record,) = logs_of(client, job, 1)
    assert (record.body, record.attributes["result"]) == ("Computed sum of squares", 336448)

    tree = wire.tree(job)
    square_names = [f"Square({number})" for number in squares.NUMBERS]
    assert tree.root.input == b"[12,345,453,21,45,98]"
    assert [child.display for child in tree.root.children] == [*square_names, "Sum"]
    assert [child.input for child in tree.root.children] == [str(n).encode() for n in squares.NUMBERS] + [b""]
    assert all(tree.named("Sum").started >= tree.named(name).stopped for name in square_names)

    diagram = Diagram(client.jobs().visualize(job))
    assert sorted(diagram.labels()) == sorted(["SumOfSquares", *square_names, "Sum"])
    assert len(diagram.subtask_edges()) == 7
    assert len(diagram.dependency_edges()) == 6
    assert all(is_dashed(edge) for edge in diagram.dependency_edges())


@pytest.mark.parametrize(("num", "expected"), [(10, [10, 5, 2, 1]), (1, [1]), (0, [0])])
def test_08_recursion(client: Client, wire: Wire, cluster: Cluster, num: int, expected: list[int]) -> None:
    """T-76: a task may submit tasks of its own kind."""
    job = client.jobs().submit("recursive", first_steps.RecursiveTask(num), cluster=cluster)
    run_all(client, cluster, [first_steps.RecursiveTask])

    records = logs_of(client, job, len(expected))
    assert bodies(records) == ["Executing recursive task"] * len(expected)
    assert [record.attributes["num"] for record in records] == expected
    chain = list(wire.tree(job))
    assert [node.input for node in chain] == [str(n).encode() for n in expected]
    assert all(len(node.children) == 1 for node in chain[:-1])
    assert client.jobs().find(job).state == JobState.COMPLETED


def test_09_dog_images_recursively(
    client: Client,
    wire: Wire,
    cluster: Cluster,
    services: StubServices,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T-76: nine images make five searches and nine downloads; four make no recursion."""
    monkeypatch.chdir(tmp_path)
    Path("dogs").mkdir()
    job = client.jobs().submit("dogs-9", dogs_recursive.DownloadRandomDogImages(9), cluster=cluster)
    small = client.jobs().submit("dogs-4", dogs_recursive.DownloadRandomDogImages(4), cluster=cluster)
    run_all(client, cluster, [dogs_recursive.DownloadRandomDogImages, dogs_recursive.DownloadImage])

    assert counts(client.jobs().find(job)) == {"COMPUTED": 14}
    tree = wire.tree(job)
    searches = tree.all_named("DownloadRandomDogImages")
    assert [search.input for search in searches] == [b"9", b"4", b"5", b"2", b"3"]
    assert [len(search.children) for search in searches] == [2, 4, 2, 2, 3]
    assert len(tree.all_named("DownloadImage")) == 9
    assert counts(client.jobs().find(small)) == {"COMPUTED": 5}


def test_09_one_branch_is_worked_on_before_the_other_is_planned(wire: Wire, cluster: Cluster) -> None:
    """R-11, R-13: while one runner still plans the branch of five, another already downloads images of the other."""
    names = ("DownloadRandomDogImages", "DownloadImage")
    first, second = HandRunner(wire, cluster.slug, *names), HandRunner(wire, cluster.slug, *names)
    submit(wire, cluster.slug, "dogs", Group([b"9"], name="DownloadRandomDogImages"))
    four = first.computed(first.must_ask(), Group([b"4", b"5"], name="DownloadRandomDogImages"))
    five = second.must_ask()
    assert four is not None
    assert (four.input, five.input) == (b"4", b"5")

    image = first.computed(four, Group([b'"a"', b'"b"', b'"c"', b'"d"'], name="DownloadImage"))
    assert image is not None
    assert image.identifier.name == "DownloadImage"
    three = second.computed(five, Group([b"2", b"3"], name="DownloadRandomDogImages"))
    assert three is not None
    assert three.input == b"2"


@pytest.mark.parametrize("failures", [0, 1, 5])
def test_10_flaky_task_recovers(client: Client, wire: Wire, cluster: Cluster, failures: int) -> None:
    """T-110, T-113, S-30: up to five failures are retried within the same run; the retry count counts them."""
    flaky.FlakyTask.failures_left = failures
    job = client.jobs().submit("flaky", flaky.RootTask(), cluster=cluster)
    run_all(client, cluster, [flaky.RootTask, flaky.FlakyTask])

    job = client.jobs().find(job)
    assert job.state == JobState.COMPLETED
    assert counts(job) == {"COMPUTED": 2}
    records = logs_of(client, job, failures + 1)
    assert bodies(records) == ["Executing flaky task"] * (failures + 1)
    assert [record.attributes["retry_count"] for record in records] == list(range(failures + 1))
    task = wire.tree(job).named("FlakyTask")
    assert (task.summary.retry_count, task.summary.max_retries) == (failures, 5)


def test_10_flaky_task_fails_for_good(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-110, S-7, T-45: six executions, then FAILED with the error on a line of its own; the job is FAILED."""
    flaky.FlakyTask.failures_left = 100
    job = client.jobs().submit("flaky", flaky.RootTask(), cluster=cluster)
    run_all(client, cluster, [flaky.RootTask, flaky.FlakyTask])

    assert 100 - flaky.FlakyTask.failures_left == 6
    job = client.jobs().find(job)
    assert job.state == JobState.FAILED
    assert counts(job) == {"COMPUTED": 1, "FAILED": 1}
    display = wire.tree(job).named("FlakyTask").display.split("\n")
    assert display[:2] == ["FlakyTask", "RuntimeError('bad luck')"]
    assert len(logs_of(client, job, 6)) == 6


def test_11_sequence(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-92: each task waits for the one before it; start of each later than stop of the previous."""
    job = client.jobs().submit("sequence", sequence.RootTask(), cluster=cluster)
    run_all(client, cluster, [sequence.RootTask, sequence.PrintTask])

    expected = ["Executing first", "Executing second", "Executing last"]
    records = logs_of(client, job, 3)
    assert bodies(records) == ["Print task executed"] * 3
    assert [record.attributes["message"] for record in records] == expected
    children = wire.tree(job).root.children
    assert sorted(child.input for child in children) == sorted(f'"{text}"'.encode() for text in expected)
    by_input = {child.input: child for child in children}
    first, second, last = (by_input[f'"{text}"'.encode()] for text in expected)
    assert first.stopped <= second.started
    assert second.stopped <= last.started


def test_11_sequence_waits_for_the_children_of_the_first(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-92: a dependency is complete only with all its descendants."""
    job = client.jobs().submit("sequence", sequence.RootWithBranch(), cluster=cluster)
    run_all(client, cluster, [sequence.RootWithBranch, sequence.Branching, sequence.PrintTask])

    tree = wire.tree(job)
    (second,) = [node for node in tree if node.input == b'"Executing second"']
    children = tree.named("Branching").children
    assert len(children) == 2
    assert all(child.stopped <= second.started for child in children)


def test_12_news(
    client: Client,
    wire: Wire,
    cluster: Cluster,
    services: StubServices,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T-92, T-23, O-14, V-4: logs with attributes, a span of the task's own, two tasks after one."""
    monkeypatch.chdir(tmp_path)
    tasks = [news.NewsWorkflow, news.FetchNews, news.PrintHeadlines, news.MostFrequentAuthors]
    job = client.jobs().submit("process-news", news.NewsWorkflow("science", 5), cluster=cluster)
    run_all(client, cluster, tasks)

    job = client.jobs().find(job)
    assert (job.state, counts(job)) == (JobState.COMPLETED, {"COMPUTED": 4})
    tree = wire.tree(job)
    inputs = {node.name: node.input for node in tree}
    assert inputs == {
        "NewsWorkflow": b'{"category":"science","max_articles":5}',
        "FetchNews": b'{"category":"science","max_articles":5}',
        "PrintHeadlines": b"",
        "MostFrequentAuthors": b"",
    }
    assert tree.started_order() == ["NewsWorkflow", "FetchNews", "PrintHeadlines", "MostFrequentAuthors"]

    articles = services.news("science")["articles"][:5]
    authors = AUTHORS[:5]
    expected = [("Fetched news articles", {"category": "science", "article_count": 5})]
    expected += [
        ("News headline", {"published_at": article["publishedAt"][:10], "title": article["title"]})
        for article in articles
    ]
    expected += [
        ("Author article count", {"author": author, "count": authors.count(author)})
        for author in ("Ada", "Grace", "Edsger")
    ]
    records = logs_of(client, job, len(expected))
    assert [(record.body, user_attributes(record)) for record in records] == expected

    spans = {span.name: span for span in spans_of(client, job, 6)}
    assert len(spans) == 6
    fetch = spans["fetch-news"]
    assert user_attributes(fetch) == {"category": "science", "max_articles": 5}
    assert fetch.parent_span_id == spans["task/FetchNews"].span_id
    assert fetch.attributes["task_id"] == str(tree.named("FetchNews").id)

    diagram = Diagram(client.jobs().visualize(job))
    assert sorted(diagram.labels()) == sorted(inputs)
    assert (len(diagram.subtask_edges()), len(diagram.dependency_edges())) == (3, 2)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """Makes a task class of example 13 raise."""
    return lambda task: monkeypatch.setattr(task, "fails", True)


def run_optional(client: Client, cluster: Cluster, flaky_retries: int = 0) -> Job:
    job = client.jobs().submit("optional", optional.RootTask(flaky_retries), cluster=cluster)
    tasks = [optional.RootTask, optional.RequiredTask, optional.FlakyTask, optional.FinalTask]
    run_all(client, cluster, tasks)
    return client.jobs().find(job)


def test_13_optional_subtask_that_succeeds(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-121: as printed nothing fails; the task depending on both runs last."""
    job = run_optional(client, cluster)
    assert (job.state, counts(job)) == (JobState.COMPLETED, {"COMPUTED": 4})
    assert bodies(logs_of(client, job, 3)) == ["Running required task", "Running flaky task", "Running final task"]
    assert wire.tree(job).started_order()[-1] == "FinalTask"


def test_13_optional_subtask_that_fails(client: Client, wire: Wire, cluster: Cluster, failing) -> None:
    """T-122 to T-124, T-93, V-5, V-6: FAILED_OPTIONAL halts nothing and counts as complete for its dependents."""
    failing(optional.FlakyTask)
    job = run_optional(client, cluster)

    assert (job.state, counts(job)) == (JobState.COMPLETED, {"COMPUTED": 3, "FAILED_OPTIONAL": 1})
    tree = wire.tree(job)
    assert tree.named("FlakyTask").state == TaskState.FAILED_OPTIONAL
    assert tree.named("FlakyTask").summary.optional
    assert tree.started_order()[-1] == "FinalTask"

    diagram = Diagram(client.jobs().visualize(job))
    assert len(diagram.dependency_edges()) == 2
    (box,) = diagram.boxes(FILL["FAILED_OPTIONAL"])
    assert is_dashed(box)
    assert float(box.style["opacity"]) == pytest.approx(0.8)
    assert not any(is_dashed(box) for box in diagram.boxes(FILL["COMPUTED"]))


def test_13_optional_subtask_with_retries(client: Client, wire: Wire, cluster: Cluster, failing) -> None:
    """T-122: optional and three retries: four executions before FAILED_OPTIONAL, and only then the dependent task."""
    failing(optional.FlakyTask)
    job = run_optional(client, cluster, flaky_retries=3)

    assert (job.state, counts(job)) == (JobState.COMPLETED, {"COMPUTED": 3, "FAILED_OPTIONAL": 1})
    records = bodies(logs_of(client, job, 6))
    assert records == ["Running required task", *["Running flaky task"] * 4, "Running final task"]


def test_13_required_subtask_that_fails(client: Client, wire: Wire, cluster: Cluster, failing) -> None:
    """T-94, S-22, S-23: a required failure halts the job; the task depending on it stays QUEUED."""
    failing(optional.RequiredTask)
    job = run_optional(client, cluster)

    assert job.state == JobState.FAILED
    states = wire.tree(job).states()
    assert (states["RequiredTask"], states["FinalTask"]) == ("FAILED", "QUEUED")
    assert "Running final task" not in bodies(logs_of(client, job, 1))


def run_pipeline(client: Client, cluster: Cluster, form: str) -> Job:
    job = client.jobs().submit("pipeline", nested_optional.Pipeline(form), cluster=cluster)
    run_all(client, cluster, nested_optional.ALL)
    return client.jobs().find(job)


def test_14_nested_optional(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-125 to T-128, T-137: a failure inside an optional branch skips what is queued below the boundary."""
    job = run_pipeline(client, cluster, nested_optional.CORRECTED)

    assert (job.state, counts(job)) == (JobState.COMPLETED, {"COMPUTED": 5, "SKIPPED": 2, "FAILED_OPTIONAL": 1})
    assert wire.tree(job).states() == {
        "Pipeline": "COMPUTED",
        "OptionalProcessing": "COMPUTED",
        "Step1": "COMPUTED",
        "Step1A": "COMPUTED",
        "Step1B": "FAILED_OPTIONAL",
        "Step1C": "SKIPPED",
        "Step2": "SKIPPED",
        "AlwaysRuns": "COMPUTED",
    }
    assert bodies(logs_of(client, job, 2)) == ["Step1A ran", "AlwaysRuns ran"]


def test_14_nested_optional_as_printed(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-126, T-127: the step itself raises; it was not submitted as optional and still is FAILED_OPTIONAL."""
    job = run_pipeline(client, cluster, nested_optional.AS_PRINTED)

    assert job.state == JobState.COMPLETED
    assert wire.tree(job).states() == {
        "Pipeline": "COMPUTED",
        "OptionalProcessing": "COMPUTED",
        "Step1": "FAILED_OPTIONAL",
        "Step2": "SKIPPED",
        "AlwaysRuns": "COMPUTED",
    }


def test_14_nested_optional_inside_optional(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-130, T-138: a failed optional child skips nothing outside itself."""
    job = run_pipeline(client, cluster, nested_optional.OPTIONAL_CHILD)

    assert (job.state, counts(job)) == (JobState.COMPLETED, {"COMPUTED": 7, "FAILED_OPTIONAL": 1})
    assert wire.tree(job).states()["Step1B"] == "FAILED_OPTIONAL"


def test_14_one_runner_finishes_the_branch_first(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-138, Q40: with one runner AlwaysRuns comes after the branch, although a task of the branch failed meanwhile."""
    job = run_pipeline(client, cluster, nested_optional.OPTIONAL_CHILD)
    assert wire.tree(job).started_order()[-1] == "AlwaysRuns"


def test_14_dependent_of_a_failed_branch_runs_after_it(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-135: the top of the branch counts as complete when everything below it has ended."""
    job = run_pipeline(client, cluster, nested_optional.DEPENDENT)

    tree = wire.tree(job)
    assert tree.named("AlwaysRuns").state == TaskState.COMPUTED
    assert tree.started_order()[-1] == "AlwaysRuns"
    assert tree.named("Step1B").stopped <= tree.named("AlwaysRuns").started


def test_15_identifiers(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-51, T-52, T-53: default and given identifiers live side by side and reach the right class."""
    job = client.jobs().submit("both", [identifiers.MyTask(), identifiers.MyTask2()], cluster=cluster)
    run_all(client, cluster, [identifiers.MyTask, identifiers.MyTask2])

    assert [node.display for node in wire.tree(job)] == ["executed by MyTask", "executed by MyTask2"]
    prototype = wire.jobs.GetJobPrototype(job_pb2.GetJobPrototypeRequest(job_id=wire_id(job)))
    stored = [(task.identifier.name, task.identifier.version) for task in prototype.root_tasks]
    assert stored == [("MyTask", "v0.0"), (identifiers.NAME, "v1.0")]


def test_15_identifier_as_an_instance_method_is_refused() -> None:
    """T-52: a mistake in the SDK's hands, shown when the class is made."""
    with pytest.raises(TypeError, match="staticmethod or classmethod"):

        class Wrong(Task):
            def identifier(self) -> tuple[str, str]:
                return "wrong", "v1.0"

            def execute(self, context: ExecutionContext) -> None:
                """Never made."""


def test_statement_children_belong_to_the_job_of_the_parent(client: Client, cluster: Cluster) -> None:
    """T-70: every hand-out of a job carries the same job id."""
    seen = []

    class Outer(Task):
        def execute(self, context: ExecutionContext) -> None:
            seen.append(context.current_task.job.id)
            context.submit_subtasks([Inner(), Inner()])

    class Inner(Task):
        def execute(self, context: ExecutionContext) -> None:
            seen.append(context.current_task.job.id)

    job = client.jobs().submit("one job", Outer(), cluster=cluster)
    run_all(client, cluster, [Outer, Inner])
    assert seen == [job.id] * 3


def test_statement_one_failure_ends_the_job(client: Client, wire: Wire, cluster: Cluster) -> None:
    """S-22, S-23: without options the first failure halts the job; what is queued stays QUEUED."""

    class Root(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.submit_subtasks([Child("fine"), Child("broken"), Child("never 1"), Child("never 2")])

    class Child(Task):
        name: str

        def execute(self, context: ExecutionContext) -> None:
            context.current_task.display = self.name
            if self.name == "broken":
                raise ValueError(self.name)

    job = client.jobs().submit("halts", Root(), cluster=cluster)
    run_all(client, cluster, [Root, Child])

    job = client.jobs().find(job)
    assert (job.state, counts(job)) == (JobState.FAILED, {"QUEUED": 2, "COMPUTED": 2, "FAILED": 1})
    assert [node.state.name for node in wire.tree(job).root.children] == ["COMPUTED", "FAILED", "QUEUED", "QUEUED"]


def test_statement_a_retry_may_run_elsewhere(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-112: the task one runner failed is executed by another one."""
    ran = []

    class Fragile(Task):
        def execute(self, context: ExecutionContext) -> None:
            ran.append(context.current_task.retry_count)

    job = client.jobs().submit("elsewhere", Fragile(), cluster=cluster, max_retries=1)
    unlucky = HandRunner(wire, cluster.slug, "Fragile")
    assert unlucky.failed(unlucky.must_ask()) == TaskState.QUEUED

    run_all(client, cluster, [Fragile])
    assert ran == [1]
    assert client.jobs().find(job).state == JobState.COMPLETED


@pytest.mark.parametrize("broken", [set(), {0}, {1, 2}, {0, 1, 2}])
def test_statement_cleanup_runs_whichever_workers_fail(client: Client, cluster: Cluster, broken: set[int]) -> None:
    """T-93, T-123: optional workers and a cleanup depending on all of them."""
    ran = []

    class Root(Task):
        def execute(self, context: ExecutionContext) -> None:
            workers = context.submit_subtasks([Worker(number) for number in range(3)], optional=True)
            context.submit_subtask(Cleanup(), depends_on=workers)

    class Worker(Task):
        number: int

        def execute(self, context: ExecutionContext) -> None:
            ran.append(self.number)
            if self.number in broken:
                raise ValueError(self.number)

    class Cleanup(Task):
        def execute(self, context: ExecutionContext) -> None:
            ran.append("cleanup")

    job = client.jobs().submit("cleanup", Root(), cluster=cluster)
    run_all(client, cluster, [Root, Worker, Cleanup])

    assert ran == [0, 1, 2, "cleanup"]
    job = client.jobs().find(job)
    assert job.state == JobState.COMPLETED
    assert job.execution_stats.tasks_by_state.get(TaskState.FAILED_OPTIONAL, 0) == len(broken)


def test_statement_states_are_visible_in_the_counts(client: Client, wire: Wire, cluster: Cluster) -> None:
    """S-1, J-36, J-37: RUNNING and QUEUED show while a job runs; states without tasks are left out."""
    runner = HandRunner(wire, cluster.slug, "Root", "Leaf")

    class Root(Task):
        def execute(self, context: ExecutionContext) -> None:
            """Played by hand."""

    job = client.jobs().submit("counts", Root(), cluster=cluster)
    assert counts(client.jobs().find(job)) == {"QUEUED": 1}
    root = runner.must_ask()
    assert counts(client.jobs().find(job)) == {"RUNNING": 1}
    runner.computed(root, Group([b"1", b"2", b"3"]))
    found = client.jobs().find(job)
    assert counts(found) == {"QUEUED": 2, "RUNNING": 1, "COMPUTED": 1}
    assert found.execution_stats.total_tasks == 4
