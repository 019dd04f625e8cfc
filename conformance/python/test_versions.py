"""Which runner may execute which version (T-54 to T-63), with the matrix of example 16."""

import uuid

import pytest
from tilebox.workflows import Client
from tilebox.workflows.data import Cluster, JobState, TaskState
from tilebox.workflows.workflows.v1 import job_pb2

from harness.runners import run_all
from harness.wire import Group, HandRunner, Wire, submit, wire_id
from workflows.identifiers import NAME, at_version

# Submitted version, versions the runner has, the version that executes it (nothing if none may).
MATRIX = [
    ("v1.3", ["v1.3"], "v1.3"),
    ("v1.3", ["v1.5"], "v1.5"),
    ("v1.3", ["v1.2"], None),
    ("v1.3", ["v2.5"], None),
    ("v1.3", ["v0.9"], None),
    ("v1.3", ["v1.10"], "v1.10"),
    ("v1.3", ["v1.2", "v1.3"], "v1.3"),
    ("v1.3", ["v1.5", "v1.3"], "v1.3"),
    ("v1.3", ["v1.9", "v1.10", "v1.4"], "v1.10"),
    ("v1.3", ["v1.2", "v2.3", "v0.3"], None),
    ("v1.9", ["v1.10"], "v1.10"),
    ("v1.10", ["v1.9"], None),
    ("v0.0", ["v0.0"], "v0.0"),
    ("v0.0", ["v0.7"], "v0.7"),
    ("v0.0", ["v1.0"], None),
    ("v10.0", ["v1.0"], None),
    ("v1.3", ["v01.03"], "v01.03"),
]


@pytest.mark.parametrize(("submitted", "available", "expected"), MATRIX)
def test_t_55_version_matrix(
    client: Client, wire: Wire, cluster: Cluster, submitted: str, available: list[str], expected: str | None
) -> None:
    """T-54 to T-62: same major, at least the minor, compared as numbers; exact first, else the highest minor.

    T-61: the task carries the identifier the runner has; with another one the runner would hand it back for ever.
    """
    job = client.jobs().submit("versions", at_version(submitted)(), cluster=cluster)
    run_all(client, cluster, [at_version(version) for version in available])

    job = client.jobs().find(job)
    root = wire.tree(job).root
    if expected is None:
        assert (job.state, root.state) == (JobState.SUBMITTED, TaskState.QUEUED)
    else:
        assert (job.state, root.state) == (JobState.COMPLETED, TaskState.COMPUTED)
        assert root.display == f"{expected} saw {NAME} {expected}"
    prototype = wire.jobs.GetJobPrototype(job_pb2.GetJobPrototypeRequest(job_id=wire_id(job)))
    assert [task.identifier.version for task in prototype.root_tasks] == [submitted], "T-54"


def test_t_63_unknown_identifier_waits(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-63, R-4: a task nobody knows stays QUEUED and holds up nobody else."""
    unknown = submit(wire, cluster.slug, "unknown", Group([b""], name="Unknown"))
    known = submit(wire, cluster.slug, "known", Group([b""], name="Known"))
    assert HandRunner(wire, cluster.slug).ask() is None, "R-4: a runner that knows nothing gets nothing"
    task = HandRunner(wire, cluster.slug, "Known").must_ask()
    assert task.job.id == known.id
    assert client.jobs().find(uuid.UUID(bytes=unknown.id.uuid)).state == JobState.SUBMITTED


def test_t_55_name_is_compared_as_it_is(wire: Wire, cluster: Cluster) -> None:
    """T-55: case and every other character count."""
    submit(wire, cluster.slug, "names", Group([b""], name="acme.Task"))
    for other in ("acme.task", "acme.Task ", "acme", "acme_Task"):
        assert HandRunner(wire, cluster.slug, other).ask() is None
    assert HandRunner(wire, cluster.slug, "acme.Task").ask() is not None
