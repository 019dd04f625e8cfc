"""The calls below the SDK, made with the SDK's own generated modules.

For what the SDK has no method for (listing tasks with their inputs, sort directions, malformed requests), and for
playing a runner by hand where a case must fix which runner does what when.
"""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from _tilebox.grpc.channel import ConnectStubAdapter, connect_address, open_channel
from _tilebox.grpc.error import with_pythonic_errors
from pyqwest import HTTPVersion, SyncClient, SyncHTTPTransport
from tilebox.datasets.tilebox.v1 import id_pb2, query_pb2
from tilebox.workflows.data import Job, TaskState
from tilebox.workflows.workflows.v1 import (
    automation_connect,
    automation_pb2_grpc,
    core_pb2,
    diagram_connect,
    diagram_pb2_grpc,
    job_connect,
    job_pb2,
    job_pb2_grpc,
    storage_location_connect,
    storage_location_pb2_grpc,
    task_connect,
    task_pb2,
    task_pb2_grpc,
    telemetry_connect,
    telemetry_pb2_grpc,
    workflows_connect,
    workflows_pb2_grpc,
)

_STUBS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "jobs": (job_pb2_grpc.JobServiceStub, job_connect.JobServiceClientSync),
    "tasks": (task_pb2_grpc.TaskServiceStub, task_connect.TaskServiceClientSync),
    "workflows": (workflows_pb2_grpc.WorkflowsServiceStub, workflows_connect.WorkflowsServiceClientSync),
    "telemetry": (telemetry_pb2_grpc.TelemetryQueryServiceStub, telemetry_connect.TelemetryQueryServiceClientSync),
    "automations": (automation_pb2_grpc.AutomationServiceStub, automation_connect.AutomationServiceClientSync),
    "storage": (
        storage_location_pb2_grpc.StorageLocationServiceStub,
        storage_location_connect.StorageLocationServiceClientSync,
    ),
    "diagrams": (diagram_pb2_grpc.DiagramServiceStub, diagram_connect.DiagramServiceClientSync),
}


class Wire:
    """One stub for each service, over the transport of the case; errors are the SDK's exceptions."""

    jobs: Any
    tasks: Any
    workflows: Any
    telemetry: Any
    automations: Any
    storage: Any
    diagrams: Any

    def __init__(self, url: str, transport: str) -> None:
        if transport == "grpc":
            channel = open_channel(url)
            for name, (stub, _) in _STUBS.items():
                setattr(self, name, with_pythonic_errors(stub(channel)))
        else:
            http = SyncClient(SyncHTTPTransport(http_version=HTTPVersion.HTTP1))
            for name, (_, client) in _STUBS.items():
                setattr(self, name, ConnectStubAdapter(client(connect_address(url), http_client=http)))

    def list_tasks(
        self, job: Job | UUID, parent: UUID | None = None, limit: int = 1000
    ) -> Iterator[job_pb2.TaskSummary]:
        """The root tasks of a job, or the children of one task, page by page (J-56)."""
        page = query_pb2.Pagination(limit=limit)
        while True:
            request = job_pb2.ListJobTasksRequest(job_id=wire_id(job), page=page)
            if parent is not None:
                request.parent_task_id.CopyFrom(wire_id(parent))
            answer = self.jobs.ListJobTasks(request).page
            yield from answer.tasks
            if not answer.next_page.starting_after.uuid:
                return
            page = query_pb2.Pagination(limit=limit, starting_after=answer.next_page.starting_after)

    def root_id(self, job: Job | UUID) -> UUID:
        """The id of the only root task, without reading what is below it."""
        (root,) = self.list_tasks(job)
        return UUID(bytes=root.id.uuid)

    def tree(self, job: Job | UUID) -> "Tree":
        """All tasks of a job, in submission order below each parent."""
        roots = [self._branch(job, summary) for summary in self.list_tasks(job)]
        return Tree(roots)

    def _branch(self, job: Job | UUID, summary: job_pb2.TaskSummary) -> "TaskNode":
        children = self.list_tasks(job, parent=UUID(bytes=summary.id.uuid)) if summary.has_children else ()
        return TaskNode(summary, [self._branch(job, child) for child in children])


@dataclass
class TaskNode:
    """One stored task with its children."""

    summary: job_pb2.TaskSummary
    children: list["TaskNode"] = field(default_factory=list)

    @property
    def id(self) -> UUID:
        return UUID(bytes=self.summary.id.uuid)

    @property
    def display(self) -> str:
        return self.summary.display

    @property
    def name(self) -> str:
        """The first line of the display, which failures leave alone."""
        return self.summary.display.split("\n")[0]

    @property
    def state(self) -> TaskState:
        return TaskState(self.summary.state)

    @property
    def input(self) -> bytes:
        return self.summary.input

    @property
    def started(self) -> int:
        """Nanoseconds since the epoch; 0 if the task never started."""
        return self.summary.started_at.ToNanoseconds()

    @property
    def stopped(self) -> int:
        """Nanoseconds since the epoch; 0 if the task has not stopped."""
        return self.summary.stopped_at.ToNanoseconds()

    def walk(self) -> Iterator["TaskNode"]:
        """This task and everything below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass
class Tree:
    """The tasks of one job."""

    roots: list[TaskNode]

    def __iter__(self) -> Iterator[TaskNode]:
        return itertools.chain.from_iterable(root.walk() for root in self.roots)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def root(self) -> TaskNode:
        (only,) = self.roots
        return only

    def named(self, name: str) -> TaskNode:
        """The only task whose display begins with the line `name`."""
        (only,) = self.all_named(name)
        return only

    def all_named(self, name: str) -> list[TaskNode]:
        return [node for node in self if node.name == name]

    def states(self) -> dict[str, str]:
        """State name by display name; only for jobs in which displays are distinct."""
        states = {node.name: node.state.name for node in self}
        assert len(states) == len(self), "displays are not distinct"
        return states

    def started_order(self) -> list[str]:
        """Display names of the tasks that ever started, in the order of their last start."""
        return [node.name for node in sorted(self, key=lambda node: node.started) if node.started]


def wire_id(job_or_id: Job | UUID | bytes) -> id_pb2.ID:
    """The wire form of an id."""
    if isinstance(job_or_id, bytes):
        return id_pb2.ID(uuid=job_or_id)
    return id_pb2.ID(uuid=(job_or_id if isinstance(job_or_id, UUID) else job_or_id.id).bytes)


def trace_parent() -> str:
    """A new W3C trace parent."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


@dataclass
class Group:
    """Tasks that share their dependencies: `inputs` one per task, all of the same kind (T-80)."""

    inputs: Sequence[bytes]
    name: str = "Leaf"
    depends_on: Iterable[int] = ()
    version: str = "v0.0"
    cluster: str = ""
    max_retries: int = 0
    optional: bool = False


def submissions(*groups: Group) -> core_pb2.TaskSubmissions:
    """The grouped form of a submission, with one entry in each lookup list for each group."""
    message = core_pb2.TaskSubmissions(
        cluster_slug_lookup=[group.cluster for group in groups],
        identifier_lookup=[core_pb2.TaskIdentifier(name=group.name, version=group.version) for group in groups],
        display_lookup=[group.name for group in groups],
    )
    for index, group in enumerate(groups):
        count = len(group.inputs)
        message.task_groups.add(
            dependencies_on_other_groups=group.depends_on,
            inputs=group.inputs,
            identifier_pointers=[index] * count,
            cluster_slug_pointers=[index] * count,
            display_pointers=[index] * count,
            max_retries_values=[group.max_retries] * count,
            optional_values=[group.optional] * count,
        )
    return message


def submit(wire: Wire, cluster: str, name: str, *groups: Group, automation_id: UUID | None = None) -> core_pb2.Job:
    """Submit a job given as groups, which the SDK cannot do; groups that name no cluster go to `cluster`."""
    placed = [replace(group, cluster=group.cluster or cluster) for group in groups]
    request = job_pb2.SubmitJobRequest(tasks=submissions(*placed), job_name=name, trace_parent=trace_parent())
    if automation_id is not None:
        request.automation_id.CopyFrom(wire_id(automation_id))
    return wire.jobs.SubmitJob(request)


class HandRunner:
    """A runner whose every step the case decides; to the server it looks like any other (R-1)."""

    def __init__(self, wire: Wire, cluster: str, *names: str) -> None:
        """Play a runner of `cluster` that knows the tasks `names`, each `name` or `name@version`."""
        self._wire = wire
        self._to_run = task_pb2.NextTaskToRun(cluster_slug=cluster)
        for name in names:
            bare, _, version = name.partition("@")
            self._to_run.identifiers.add(name=bare, version=version or "v0.0")

    def next(self, request: task_pb2.NextTaskRequest) -> task_pb2.NextTaskResponse:
        return self._wire.tasks.NextTask(request)

    def ask(self) -> core_pb2.Task | None:
        """Ask for work without reporting any; nothing when the answer is to idle."""
        return _task_of(self.next(task_pb2.NextTaskRequest(next_task_to_run=self._to_run)))

    def must_ask(self) -> core_pb2.Task:
        task = self.ask()
        assert task is not None, "expected a task, but the server said to idle"
        return task

    def computed(
        self,
        task: core_pb2.Task,
        *children: Group,
        display: str = "",
        progress: Sequence[core_pb2.Progress] = (),
        ask: bool = True,
    ) -> core_pb2.Task | None:
        """Report a task computed, with its children, and take the next one in the same call."""
        report = task_pb2.ComputedTask(id=task.id, display=display, progress_updates=progress)
        if children:
            report.sub_tasks.CopyFrom(submissions(*children))
        request = task_pb2.NextTaskRequest(computed_task=report, next_task_to_run=self._to_run if ask else None)
        answer = self.next(request)
        if not ask:
            assert not answer.ListFields(), "R-7: nothing was asked for"
            return None
        return _task_of(answer)

    def failed(self, task: core_pb2.Task, *, workflow_error: bool = True, display: str = "") -> TaskState:
        """Report a task failed; the state it is in afterwards (R-45)."""
        request = task_pb2.TaskFailedRequest(task_id=task.id, display=display, was_workflow_error=workflow_error)
        return TaskState(self._wire.tasks.TaskFailed(request).state)


def _task_of(answer: task_pb2.NextTaskResponse) -> core_pb2.Task | None:
    has_task, idles = answer.HasField("next_task"), answer.HasField("idling")
    assert has_task != idles, f"R-6: exactly one of task and idling, got {answer}"
    return answer.next_task if has_task else None
