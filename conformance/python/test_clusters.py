"""Clusters (C-1 to C-14)."""

import re

import pytest
from _tilebox.grpc.error import ArgumentError, InternalServerError, NotFoundError
from tilebox.workflows import Client, ExecutionContext, Task
from tilebox.workflows.data import Cluster, JobState, TaskState

from harness.runners import run_all, runner
from harness.wire import Group, HandRunner, Wire


def test_c_2_default_cluster(client: Client) -> None:
    """C-2, C-3, C-9: it exists, is found by an empty slug, listed, and not deletable."""
    default = client.clusters().find("")
    assert re.fullmatch(r"default-[0-9A-Za-z]{14}", default.slug)
    assert (default.display_name, default.deletable) == ("Default", False)
    assert client.clusters().find(default.slug) == default
    assert default in client.clusters().all()


def test_c_4_create(client: Client, unique: str) -> None:
    """C-1, C-4, C-7: name, description and slug as given; deletable; nothing deployed."""
    created = client.clusters().create("Berlin nodes", "two machines", slug=f"berlin-{unique}")
    assert created == client.clusters().find(f"berlin-{unique}")
    assert (created.display_name, created.description, created.deletable) == ("Berlin nodes", "two machines", True)
    assert created in client.clusters().all()


def test_c_5_slug_from_the_name(client: Client) -> None:
    """C-5, C-6: lower case with hyphens and 14 random characters; two clusters may have one name."""
    first, second = (client.clusters().create("My GPU Cluster") for _ in range(2))
    for one in (first, second):
        assert re.fullmatch(r"my-gpu-cluster-[0-9A-Za-z]{14}", one.slug)
    assert first.slug != second.slug


def test_c_6_slug_in_use(client: Client, cluster: Cluster) -> None:
    """C-6, E-1: ALREADY_EXISTS, which Python users see as "something went wrong" with the message."""
    with pytest.raises(InternalServerError, match=cluster.slug):
        client.clusters().create("again", slug=cluster.slug)


def test_c_8_update(client: Client) -> None:
    """C-8: only what is given changes; an empty description clears it; the slug stays."""
    created = client.clusters().create("before", "some text")
    renamed = client.clusters().update(created, name="after")
    assert (renamed.slug, renamed.display_name, renamed.description) == (created.slug, "after", "some text")
    cleared = client.clusters().update(created.slug, description="")
    assert (cleared.display_name, cleared.description) == ("after", None)
    assert client.clusters().find(created) == cleared
    with pytest.raises(ArgumentError):
        client.clusters().update(created, name="")


@pytest.mark.parametrize(
    ("name", "description", "slug"),
    [("", None, None), ("x" * 101, None, None), ("x", "x" * 50001, None), ("x", None, "a b"), ("x", None, "x" * 101)],
    ids=["no name", "name of 101", "description of 50001", "blank in slug", "slug of 101"],
)
def test_c_4_limits(client: Client, name: str, description: str | None, slug: str | None) -> None:
    """C-4, C-14, LM-21 to LM-23."""
    with pytest.raises(ArgumentError):
        client.clusters().create(name, description, slug)


def test_c_4_limits_are_inclusive(client: Client) -> None:
    """LM-21, LM-23: exactly 100 and 50000 characters, counted as characters."""
    created = client.clusters().create("ö" * 100, "ö" * 50000)
    assert created.display_name == "ö" * 100


def test_c_10_unknown_slug(client: Client) -> None:
    """C-10, R-2: NOT_FOUND; a runner for it does not start."""
    clusters = client.clusters()
    for call in (clusters.find, clusters.delete, lambda slug: clusters.update(slug, name="x")):
        with pytest.raises(NotFoundError):
            call("no-such-cluster")
    with pytest.raises(NotFoundError), runner(client, "no-such-cluster", []):
        pass


def test_c_14_malformed_slug(client: Client) -> None:
    """C-14."""
    for slug in ("two words", "under_score", "ümlaut"):
        with pytest.raises(ArgumentError):
            client.clusters().find(slug)


def test_c_11_default_cluster_is_protected(client: Client) -> None:
    """C-11."""
    default = client.clusters().find("")
    with pytest.raises(ArgumentError):
        client.clusters().delete(default)
    assert client.clusters().find("") == default


def test_c_3_default_cluster_is_meant_when_none_is_named(client: Client, wire: Wire) -> None:
    """C-3, J-4: a job and a runner without a cluster meet each other."""
    ran = []

    class OnTheDefaultCluster(Task):
        def execute(self, context: ExecutionContext) -> None:
            ran.append(context.current_task.job.id)

    job = client.jobs().submit("default", OnTheDefaultCluster())
    assert wire.tree(job).root.summary.cluster_slug == client.clusters().find("").slug
    run_all(client, None, [OnTheDefaultCluster])
    assert ran == [job.id]


def test_c_12_deleted_cluster(client: Client, wire: Wire) -> None:
    """C-12, C-10: its queued tasks wait; they run when a cluster with that slug exists again."""
    ran = []

    class Waiting(Task):
        number: int

        def execute(self, context: ExecutionContext) -> None:
            ran.append(self.number)

    cluster = client.clusters().create("short lived")
    done = client.jobs().submit("done", Waiting(1), cluster=cluster)
    run_all(client, cluster, [Waiting])
    waiting = client.jobs().submit("waiting", Waiting(2), cluster=cluster)
    client.clusters().delete(cluster)

    with pytest.raises(NotFoundError):
        client.clusters().find(cluster)
    assert cluster.slug not in [one.slug for one in client.clusters().all()]
    assert client.jobs().find(done).state == JobState.COMPLETED
    assert wire.tree(waiting).root.state == TaskState.QUEUED
    with pytest.raises(NotFoundError):
        client.jobs().submit("too late", Waiting(3), cluster=cluster)

    again = client.clusters().create("short lived", slug=cluster.slug)
    run_all(client, again, [Waiting])
    assert ran == [1, 2]
    assert client.jobs().find(waiting).state == JobState.COMPLETED


def test_c_13_one_job_on_two_clusters(client: Client, wire: Wire, cluster: Cluster) -> None:
    """C-13, R-14, T-78, T-79: every task waits for a runner of its own cluster; dependencies cross clusters."""
    other = client.clusters().create("other")
    ran = []

    class Root(Task):
        def execute(self, context: ExecutionContext) -> None:
            ran.append("root")
            there = context.submit_subtask(There(), cluster=other.slug)
            context.submit_subtask(Here(), depends_on=there)

    class There(Task):
        def execute(self, context: ExecutionContext) -> None:
            ran.append("there")
            context.submit_subtask(Child())

    class Child(Task):
        def execute(self, context: ExecutionContext) -> None:
            ran.append("child of there")

    class Here(Task):
        def execute(self, context: ExecutionContext) -> None:
            ran.append("here")

    everything = [Root, There, Child, Here]
    job = client.jobs().submit("two clusters", Root(), cluster=cluster)
    run_all(client, other, everything)
    assert ran == []
    run_all(client, cluster, everything)
    assert ran == ["root"]
    run_all(client, cluster, everything)
    assert ran == ["root"], "R-14: queued elsewhere"
    run_all(client, other, everything)
    assert ran == ["root", "there", "child of there"]
    run_all(client, cluster, everything)
    assert ran == ["root", "there", "child of there", "here"]
    assert client.jobs().find(job).state == JobState.COMPLETED
    assert {node.name: node.summary.cluster_slug for node in wire.tree(job)} == {
        "Root": cluster.slug,
        "There": other.slug,
        "Child": other.slug,
        "Here": cluster.slug,
    }


def test_t_78_empty_slug_of_a_child_is_the_parents_cluster(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-78: not the default cluster."""

    class Parent(Task):
        def execute(self, context: ExecutionContext) -> None:
            """Played by hand."""

    job = client.jobs().submit("parent", Parent(), cluster=cluster)
    hand = HandRunner(wire, cluster.slug, "Parent", "Leaf")
    child = hand.computed(hand.must_ask(), Group([b"1"], cluster=""))
    assert child is not None
    assert wire.tree(job).root.children[0].summary.cluster_slug == cluster.slug


@pytest.mark.parametrize("slug", ["no-such-cluster", "no_such cluster"])
def test_r_51_wrong_cluster_of_a_child(client: Client, wire: Wire, cluster: Cluster, slug: str) -> None:
    """R-51, C-10: unknown or malformed, the task that names it fails with a line naming the cluster; the runner goes on."""
    ran = []

    class Lost(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.submit_subtask(Fine(), cluster=slug)

    class Fine(Task):
        def execute(self, context: ExecutionContext) -> None:
            ran.append(context.current_task.job.id)

    lost = client.jobs().submit("lost", Lost(), cluster=cluster)
    fine = client.jobs().submit("fine", Fine(), cluster=cluster)
    run_all(client, cluster, [Lost, Fine])
    root = wire.tree(lost).root
    assert (root.state, root.children) == (TaskState.FAILED, [])
    assert slug in root.display.split("\n", 1)[1]
    assert ran == [fine.id]
