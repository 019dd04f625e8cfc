"""Automations: stored, listed, triggered by hand and by storage events (A-1 to A-28, L-1 to L-13).

Waiting for a cron schedule would take up to a minute a case; the schedules themselves are tested inside the server.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from _tilebox.grpc.error import ArgumentError, NotFoundError
from google.protobuf.timestamp_pb2 import Timestamp
from tilebox.workflows import Client, ExecutionContext
from tilebox.workflows.automations import CronTask, StorageEventTask
from tilebox.workflows.data import Cluster, Job, JobState, LocalReference, StorageLocation
from tilebox.workflows.workflows.v1 import storage_location_pb2

from harness.runners import run_all
from harness.server import Server
from harness.waiting import wait_until
from harness.wire import Wire, wire_id

SEEN: list[tuple[object, ...]] = []

UNKNOWN = UUID("01890000-0000-7000-8000-000000000000")


class NewYear(CronTask):
    greeting: str

    def execute(self, context: ExecutionContext) -> None:
        SEEN.append((self.greeting, self.trigger.time))


class NewFile(StorageEventTask):
    note: str

    def execute(self, context: ExecutionContext) -> None:
        SEEN.append((self.note, self.trigger.location, self.trigger.storage.read(self.trigger.location)))


def test_a_15_a_new_server_lists_none(start_server: Callable[..., Server], transport: str, tmp_path: Path) -> None:
    """A-15, L-1: listing answers, with nothing in it, before anything was created."""
    client = Client(url=start_server(tmp_path / "data").url, transport=transport)
    assert client.automations().all() == []
    assert client.storage_locations().all() == []


@pytest.mark.not_served_yet("AutomationService")
def test_a_4_cron_automation(client: Client, cluster: Cluster) -> None:
    """A-1, A-4, A-5, A-15: stored with ids of its own, found, listed, deleted."""
    automations = client.automations()
    created = automations.create_cron_automation(
        "greetings", NewYear("hello"), ["0 0 1 1 *", "@yearly"], cluster=cluster, max_retries=2
    )
    assert created.id.int != 0
    assert (created.name, created.prototype.cluster_slug) == ("greetings", cluster.slug)
    assert (created.prototype.input, created.prototype.display) == (b'"hello"', "NewYear")
    assert created.prototype.max_retries == 2
    assert [trigger.schedule for trigger in created.cron_triggers] == ["0 0 1 1 *", "@yearly"]
    assert len({trigger.id for trigger in created.cron_triggers} | {created.id}) == 3
    assert automations.find(created.id) == created
    assert created in automations.all()

    automations.delete(created)
    assert created.id not in [one.id for one in automations.all()]
    for call in (automations.find, automations.delete):
        with pytest.raises(NotFoundError):
            call(created.id)


@pytest.mark.not_served_yet("AutomationService")
def test_a_5_default_cluster_is_resolved_when_stored(client: Client) -> None:
    """A-5: no cluster means the default one; an unknown one is NOT_FOUND."""
    created = client.automations().create_cron_automation("default", NewYear("x"), "0 0 1 1 *")
    assert created.prototype.cluster_slug == client.clusters().find("").slug
    client.automations().delete(created)
    with pytest.raises(NotFoundError):
        client.automations().create_cron_automation("lost", NewYear("x"), "0 0 1 1 *", cluster="no-such-cluster")


@pytest.mark.not_served_yet("AutomationService")
@pytest.mark.parametrize(
    "schedule",
    ["*/15 8-18 * * MON-FRI", "CRON_TZ=Europe/Vienna 30 2 * * *", "@hourly", "0,30 0 1,15 jan-JUN 0"],
)
def test_a_20_schedules(client: Client, cluster: Cluster, schedule: str) -> None:
    """A-20 to A-24: the documented syntax."""
    created = client.automations().create_cron_automation("schedule", NewYear("x"), schedule, cluster=cluster)
    client.automations().delete(created)


@pytest.mark.not_served_yet("AutomationService")
@pytest.mark.parametrize(
    "schedule",
    ["", "* * * *", "0 * * * * *", "* * * * 7", "60 * * * *", "CRON_TZ=Mars/Base * * * * *", "@every 5m", "0 0 30 2 *"],
)
def test_a_26_other_schedules(client: Client, cluster: Cluster, schedule: str) -> None:
    """A-26: a schedule that would be misread or never due is refused."""
    with pytest.raises(ArgumentError):
        client.automations().create_cron_automation("schedule", NewYear("x"), schedule, cluster=cluster)


def test_a_16_cron_task_by_hand(client: Client, cluster: Cluster) -> None:
    """A-7, A-16: the documented way to try an automation; without `once` the SDK refuses."""
    SEEN.clear()
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    client.jobs().submit("by hand", NewYear("hello").once(moment), cluster=cluster)
    run_all(client, cluster, [NewYear])
    assert [("hello", moment)] == SEEN
    with pytest.raises(ValueError, match="once"):
        client.jobs().submit("by hand", NewYear("hello"), cluster=cluster)


@pytest.fixture
def location(client: Client, tmp_path: Path) -> StorageLocation:
    return client.storage_locations().create(f"files of {tmp_path.name}", LocalReference(str(tmp_path)))


@pytest.mark.not_served_yet("StorageLocationService")
def test_l_1_storage_locations(client: Client, location: StorageLocation, tmp_path: Path) -> None:
    """L-1, L-3: created, found, listed, renamed."""
    locations = client.storage_locations()
    assert location.location == str(tmp_path)
    assert locations.find(location) == location
    assert location in locations.all()
    renamed = locations.update(location, "renamed")
    assert (renamed.id, renamed.name, renamed.location) == (location.id, "renamed", str(tmp_path))
    with pytest.raises(NotFoundError):
        locations.find(UNKNOWN)


@pytest.mark.not_served_yet("StorageLocationService")
def test_l_2_deprecated_fields_are_filled(wire: Wire, location: StorageLocation) -> None:
    """L-2, N-U: what the older generation of clients reads."""
    stored = wire.storage.GetStorageLocation(wire_id(location.id))
    assert (stored.location, stored.type) == (location.location, storage_location_pb2.STORAGE_TYPE_LOCAL)
    assert (stored.name, stored.reference.local.path) == (location.name, location.location)


@pytest.mark.not_served_yet("StorageLocationService")
def test_r_71_storage_task_by_hand(client: Client, cluster: Cluster, location: StorageLocation, tmp_path: Path) -> None:
    """A-16, R-71, L-17: the runner looks the location up and reads the object by itself."""
    SEEN.clear()
    (tmp_path / "a.txt").write_bytes(b"content")
    client.jobs().submit("by hand", NewFile("note").once(location, "a.txt"), cluster=cluster)
    run_all(client, cluster, [NewFile])
    assert SEEN == [("note", "a.txt", b"content")]


@pytest.mark.not_served_yet("StorageLocationService", "AutomationService")
def test_l_13_notified_object(
    client: Client, wire: Wire, cluster: Cluster, location: StorageLocation, tmp_path: Path
) -> None:
    """A-6, A-9, L-5 to L-7, L-11 to L-13, L-15: a notification fires each matching trigger once, and is recorded."""
    SEEN.clear()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "new.tif").write_bytes(b"pixels")
    triggers = [(location, "in/*.tif"), (location, "**.txt")]
    automation = client.automations().create_storage_event_automation(
        "on new files", NewFile("note"), triggers, cluster=cluster
    )
    assert [trigger.glob_pattern for trigger in automation.storage_event_triggers] == ["in/*.tif", "**.txt"]

    subscription = wire.storage.CreateStorageSubscription(
        storage_location_pb2.CreateStorageSubscriptionRequest(
            storage_location_id=wire_id(location.id), type=storage_location_pb2.STORAGE_SUBSCRIPTION_TYPE_TILEBOX_CLI
        )
    )
    moment = Timestamp(seconds=1_767_225_600)
    for path in ("in/new.tif", "in/deep/other.tif", "elsewhere.tif"):
        wire.storage.NotifyObjectCreated(
            storage_location_pb2.NotifyObjectCreatedRequest(
                storage_subscription_id=subscription.id, object_path=path, event_time=moment
            )
        )

    def submitted() -> list[Job]:
        return client.jobs().query(automation_ids=automation.id)

    (job,) = wait_until(submitted)
    assert job.name == "on new files"
    run_all(client, cluster, [NewFile])
    assert SEEN == [("note", "in/new.tif", b"pixels")]
    assert client.jobs().find(job).state == JobState.COMPLETED

    events = wire.storage.ListStorageSubscriptionEvents(
        storage_location_pb2.ListStorageSubscriptionEventsRequest(storage_location_id=wire_id(location.id))
    ).events
    assert [event.object_key for event in events] == ["elsewhere.tif", "in/deep/other.tif", "in/new.tif"]
    (triggered,) = events[2].triggered_jobs
    assert (triggered.job_id.uuid, triggered.automation_id.uuid) == (job.id.bytes, automation.id.bytes)
    assert triggered.glob_pattern == "in/*.tif"
    assert events[2].event_time == moment
    client.automations().delete(automation)


@pytest.mark.not_served_yet("StorageLocationService", "AutomationService")
def test_l_4_location_in_use(client: Client, wire: Wire, cluster: Cluster, location: StorageLocation) -> None:
    """L-4: a location an automation watches is not deleted; afterwards it is."""
    automation = client.automations().create_storage_event_automation(
        "watching", NewFile("note"), (location, "**"), cluster=cluster
    )
    with pytest.raises(ArgumentError):
        wire.storage.DeleteStorageLocation(wire_id(location.id))
    client.automations().delete(automation)
    wire.storage.DeleteStorageLocation(wire_id(location.id))
    with pytest.raises(NotFoundError):
        client.storage_locations().find(location)
