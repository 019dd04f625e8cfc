"""Workflows as the SDK sees them (WF-1 to WF-5); publishing is the command line's business."""

import re
from uuid import UUID

import pytest
from _tilebox.grpc.error import ArgumentError, NotFoundError
from tilebox.workflows import Client

pytestmark = pytest.mark.not_served_yet("WorkflowsService")

UNKNOWN = UUID("01890000-0000-7000-8000-000000000000")


def test_wf_2_create_find_list(client: Client) -> None:
    """WF-1 to WF-3: a generated slug, no releases, listed."""
    created = client.workflows().create("Cloud Free Mosaic", "a summary", "a description")
    assert re.fullmatch(r"cloud-free-mosaic-[0-9A-Za-z]{14}", created.slug)
    assert (created.name, created.summary, created.description) == ("Cloud Free Mosaic", "a summary", "a description")
    assert list(created.releases) == []
    assert client.workflows().find(created.slug) == created
    assert created in client.workflows().all()
    with pytest.raises(ArgumentError):
        client.workflows().create("", "a summary")


def test_wf_4_update_and_delete(client: Client) -> None:
    """WF-4, WF-5: only what is given changes, empty texts clear; unknown slugs are NOT_FOUND."""
    workflows = client.workflows()
    created = workflows.create("before", "a summary", "a description")
    renamed = workflows.update(created, name="after")
    assert (renamed.slug, renamed.name, renamed.summary) == (created.slug, "after", "a summary")
    cleared = workflows.update(created.slug, summary="", description="")
    assert (cleared.name, cleared.summary, cleared.description) == ("after", "", "")
    workflows.delete(created)
    for call in (workflows.find, workflows.delete, lambda slug: workflows.update(slug, name="x")):
        with pytest.raises(NotFoundError):
            call(created.slug)


def test_wf_12_unknown_releases(client: Client) -> None:
    """WF-9, WF-12: NOT_FOUND for each call that names a release."""
    workflows = client.workflows()
    created = workflows.create("empty", "a summary")
    for call in (workflows.unpublish_release, workflows.deploy_release, workflows.undeploy_release):
        with pytest.raises(NotFoundError):
            call(created, UNKNOWN)
