"""Job diagrams (V-1 to V-18); the examples check labels and arrows of ordinary jobs, this file the rest."""

from uuid import UUID

import pytest
from _tilebox.grpc.error import ArgumentError
from tilebox.workflows import Client, ExecutionContext, Job, Task
from tilebox.workflows.data import Cluster
from tilebox.workflows.workflows.v1 import job_pb2

from harness.runners import run_all
from harness.svg import FILL, Diagram
from harness.wire import Group, HandRunner, Wire, submit, wire_id


class Named(Task):
    display: str

    def execute(self, context: ExecutionContext) -> None:
        context.current_task.display = self.display


def drawn(client: Client, cluster: Cluster, *displays: str) -> Job:
    job = client.jobs().submit("drawn", [Named(display) for display in displays], cluster=cluster)
    run_all(client, cluster, [Named])
    return job


def test_v_2_labels(client: Client, cluster: Cluster) -> None:
    """V-2, T-44: display texts with their line breaks; whatever users write there stays text."""
    hostile = ["two\nlines", "<script>alert(1)</script>", "a & b \"c\" 'd'", "]]> -- <!--", "ünïcode \u2603"]
    job = drawn(client, cluster, *hostile)
    svg = client.jobs().visualize(job)
    assert "<script>alert" not in svg
    assert sorted(Diagram(svg).labels()) == sorted(hostile)


def test_v_17_job_that_has_not_started(client: Client, cluster: Cluster) -> None:
    """V-17, V-5: the queued root tasks, in the colour of queued tasks."""
    job = client.jobs().submit("queued", [Named("a"), Named("b")], cluster=cluster)
    diagram = Diagram(client.jobs().visualize(job))
    assert diagram.labels() == ["Named", "Named"]
    assert len(diagram.boxes(FILL["QUEUED"])) == 2
    assert diagram.subtask_edges() == []


def test_v_5_colours_of_states(client: Client, wire: Wire, cluster: Cluster) -> None:
    """V-5, V-7: one box in the colour of each state; FAILED_OPTIONAL looks like FAILED."""
    job = submit(wire, cluster.slug, "states", Group([b""], name="Root"))
    id = UUID(bytes=job.id.uuid)
    runner = HandRunner(wire, cluster.slug, "Root", "Branch", "Leaf")
    branch = runner.computed(
        runner.must_ask(), Group([b""], name="Branch", optional=True), Group([b"running", b"queued"])
    )
    assert branch is not None
    failing = runner.computed(branch, Group([b"fails", b"skipped"]))
    assert failing is not None
    runner.failed(failing)
    runner.must_ask()

    diagram = Diagram(client.jobs().visualize(id))
    shown = {state: len(diagram.boxes(FILL[state])) for state in ("QUEUED", "RUNNING", "COMPUTED", "FAILED", "SKIPPED")}
    assert shown == {"QUEUED": 1, "RUNNING": 1, "COMPUTED": 2, "FAILED": 1, "SKIPPED": 1}


@pytest.mark.parametrize("layout", ["dagre", "elk"])
@pytest.mark.parametrize("direction", ["down", "up", "left", "right"])
def test_v_11_and_v_12_layouts_and_directions(client: Client, cluster: Cluster, layout: str, direction: str) -> None:
    """V-11, V-12, V-13: every documented choice draws the same graph, sketchy or not."""
    job = drawn(client, cluster, "a", "b")
    for sketchy in (True, False):
        svg = client.jobs().visualize(job, direction=direction, layout=layout, sketchy=sketchy)
        assert Diagram(svg).labels() == ["a", "b"]


@pytest.mark.parametrize("options", [{"layout": "circle"}, {"direction": "north"}])
def test_v_11_and_v_12_other_choices_are_refused(client: Client, cluster: Cluster, options: dict[str, str]) -> None:
    """V-11, V-12."""
    job = client.jobs().submit("drawn", Named("a"), cluster=cluster)
    with pytest.raises(ArgumentError):
        client.jobs().visualize(job, **options)


def test_v_15_same_job_same_picture(client: Client, cluster: Cluster) -> None:
    """V-15: also in the sketchy style, which looks hand-drawn but is not left to chance."""
    job = drawn(client, cluster, "a", "b", "c")
    assert client.jobs().visualize(job) == client.jobs().visualize(job)


def test_v_9_and_v_10_themes_and_title(client: Client, wire: Wire, cluster: Cluster) -> None:
    """V-8 to V-10: dark colours; the job's name only when asked for."""
    job = client.jobs().submit("my <job>", Named("a"), cluster=cluster)
    request = job_pb2.VisualizeJobRequest(job_id=wire_id(job), theme=job_pb2.WORKFLOW_DIAGRAM_THEME_DARK)
    dark = Diagram(wire.jobs.VisualizeJob(request).svg.decode())
    assert dark.labels() == ["Named"]
    assert len(dark.boxes("#A37200")) == 1
    request.include_job_name = True
    assert sorted(Diagram(wire.jobs.VisualizeJob(request).svg.decode()).labels()) == ["Named", "my <job>"]
