"""What the server stores as input and display, byte for byte, and the limits on both (T-20 to T-45, LM-2, LM-7)."""

import enum
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from _tilebox.grpc.error import ArgumentError
from google.protobuf.timestamp_pb2 import Timestamp
from tilebox.workflows import Client, ExecutionContext, Task
from tilebox.workflows.data import Cluster, JobState, TaskState

from harness.runners import run_all
from harness.wire import Group, HandRunner, Wire, submit

RECEIVED: list[Task] = []


class Receiving(Task):
    """Keeps the instance the runner rebuilt from the input."""

    def execute(self, context: ExecutionContext) -> None:
        RECEIVED.append(self)


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int


class NoField(Receiving):
    execute = Receiving.execute


class OneText(Receiving):
    text: str
    execute = Receiving.execute


class OneNumber(Receiving):
    number: int
    execute = Receiving.execute


class OneList(Receiving):
    numbers: list[int]
    execute = Receiving.execute


class OneObject(Receiving):
    point: Point
    execute = Receiving.execute


class OneMessage(Receiving):
    time: Timestamp
    execute = Receiving.execute


class Several(Receiving):
    text: str
    flag: bool
    ratio: float
    nothing: str | None
    execute = Receiving.execute


class TypedValues(Receiving):
    when: datetime
    day: date
    wait: timedelta
    id: uuid.UUID
    price: Decimal
    path: Path
    colour: Colour
    raw: bytes
    pair: tuple[int, int]
    execute = Receiving.execute


class MessageAmongOthers(Receiving):
    time: Timestamp
    name: str
    execute = Receiving.execute


TYPED = TypedValues(
    datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
    date(2026, 3, 1),
    timedelta(minutes=90),
    uuid.UUID(int=7),
    Decimal("1.50"),
    Path("a/b.tif"),
    Colour.RED,
    b"\x00\xff",
    (1, 2),
)

CASES: list[tuple[Task, bytes | None]] = [
    (NoField(), b""),
    (OneText("x"), b'"x"'),
    (OneText('quote " and ünïcode \u2603'), 'quote \\" and ünïcode \u2603'.join('""').encode()),
    (OneNumber(5), b"5"),
    (OneList([1, 2, 3]), b"[1,2,3]"),
    (OneObject(Point(1, 2)), b'{"x":1,"y":2}'),
    (OneMessage(Timestamp(seconds=5)), Timestamp(seconds=5).SerializeToString()),
    (Several("a", True, 0.5, None), b'{"text":"a","flag":true,"ratio":0.5,"nothing":null}'),
    (TYPED, None),
    (MessageAmongOthers(Timestamp(seconds=5), "n"), b'{"time":"CAU=","name":"n"}'),
]


@pytest.mark.parametrize(("task", "expected"), CASES, ids=lambda case: type(case).__name__)
def test_t_20_to_t_26_inputs_arrive_as_they_were_sent(
    client: Client, wire: Wire, cluster: Cluster, task: Task, expected: bytes | None
) -> None:
    """T-20 to T-26, T-33: the server neither reads nor changes an input; the runner rebuilds an equal task from it."""
    RECEIVED.clear()
    job = client.jobs().submit("inputs", task, cluster=cluster)
    run_all(client, cluster, [type(task)])

    assert [task] == RECEIVED
    stored = wire.tree(job).root.input
    assert stored == (task._serialize() if expected is None else expected)


def test_t_33_input_bytes_need_not_be_text(wire: Wire, cluster: Cluster) -> None:
    """T-1, T-33: any bytes, every value of them."""
    every_byte = bytes(range(256))
    submit(wire, cluster.slug, "bytes", Group([every_byte]))
    assert HandRunner(wire, cluster.slug, "Leaf").must_ask().input == every_byte


def text_of_input_size(size: int) -> str:
    """A text whose JSON form has `size` bytes."""
    return "x" * (size - 2)


def test_lm_2_input_of_2048_bytes_is_accepted(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-31, LM-2."""
    job = client.jobs().submit("large input", OneText(text_of_input_size(2048)), cluster=cluster)
    assert len(wire.tree(job).root.input) == 2048


def test_lm_2_input_of_2049_bytes_is_refused_for_a_job(client: Client, cluster: Cluster) -> None:
    """T-31, LM-2, E-2, E-3: the refusal names the limit, and nothing is stored."""
    with pytest.raises(ArgumentError, match="2048"):
        client.jobs().submit("too large", OneText(text_of_input_size(2049)), cluster=cluster)
    assert client.jobs().query(clusters=cluster) == []


class Submits(Task):
    """Submits one child whose input has the given size."""

    size: int

    def execute(self, context: ExecutionContext) -> None:
        context.submit_subtask(OneText(text_of_input_size(self.size)))


def test_lm_2_input_of_a_subtask(client: Client, wire: Wire, cluster: Cluster) -> None:
    """R-51, LM-2: the task that submits too large an input fails, naming the limit; the runner goes on."""
    RECEIVED.clear()
    bad = client.jobs().submit("2049", Submits(2049), cluster=cluster)
    good = client.jobs().submit("2048", Submits(2048), cluster=cluster)
    run_all(client, cluster, [Submits, OneText])

    assert client.jobs().find(bad).state == JobState.FAILED
    root = wire.tree(bad).root
    assert root.state == TaskState.FAILED
    assert root.children == []
    assert "2048" in root.display.split("\n", 1)[1]
    assert client.jobs().find(good).state == JobState.COMPLETED
    assert len(RECEIVED) == 1


def test_t_27_wrongly_typed_input_fails_the_task(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-27, R-61: undecodable input is a workflow error, so the task fails instead of going round for ever."""
    text = submit(wire, cluster.slug, "not a number", Group([b'"five"'], name="OneNumber"))
    broken = submit(wire, cluster.slug, "not JSON", Group([b"{"], name="OneNumber"))
    run_all(client, cluster, [OneNumber])
    for job in (text, broken):
        assert client.jobs().find(uuid.UUID(bytes=job.id.uuid)).state == JobState.FAILED


def test_t_41_display_set_while_running(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-40, T-41, T-44: the class name first, then what the task set; line breaks are kept."""

    class Talking(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.current_task.display = "first line\nsecond line"

    job = client.jobs().submit("display", Talking(), cluster=cluster)
    assert wire.tree(job).root.display == "Talking"
    run_all(client, cluster, [Talking])
    assert wire.tree(job).root.display == "first line\nsecond line"


def test_t_42_empty_display_leaves_the_old_one(wire: Wire, cluster: Cluster) -> None:
    """T-42."""
    job = submit(wire, cluster.slug, "display", Group([b""]))
    runner = HandRunner(wire, cluster.slug, "Leaf")
    runner.computed(runner.must_ask(), display="")
    assert wire.tree(uuid.UUID(bytes=job.id.uuid)).root.display == "Leaf"


def test_t_43_long_display_is_cut(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-43, LM-7: 1024 characters are kept, more are cut, and no length is refused."""

    class Talkative(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.current_task.display = "ö" * 5000

    job = client.jobs().submit("display", Talkative(), cluster=cluster)
    run_all(client, cluster, [Talkative])
    assert wire.tree(job).root.display == "ö" * 1024
    assert client.jobs().find(job).state == JobState.COMPLETED


def test_t_45_error_text_in_the_display(client: Client, wire: Wire, cluster: Cluster) -> None:
    """T-45: the display, a line break, and the representation of the error."""

    class Breaking(Task):
        def execute(self, context: ExecutionContext) -> None:
            context.current_task.display = "halfway"
            raise ValueError("no <b>more</b> & enough")

    job = client.jobs().submit("display", Breaking(), cluster=cluster)
    run_all(client, cluster, [Breaking])
    assert wire.tree(job).root.display == "halfway\nValueError('no <b>more</b> & enough')"


def test_t_5_async_task(client: Client, cluster: Cluster) -> None:
    """T-5: the runner waits for an async task."""
    ran: list[Any] = []

    class Awaited(Task):
        async def execute(self, context: ExecutionContext) -> None:
            ran.append(context.current_task.job.name)

    job = client.jobs().submit("async", Awaited(), cluster=cluster)
    run_all(client, cluster, [Awaited])
    assert ran == ["async"]
    assert client.jobs().find(job).state == JobState.COMPLETED
