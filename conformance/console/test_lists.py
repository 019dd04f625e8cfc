"""Lists of jobs, logs, traces and clusters: time ranges, what leads where, and the first minute on a new server."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from harness.server import Server
from playwright.sync_api import BrowserContext, Page, expect

from world import World


def field(moment: datetime) -> str:
    """As fields have it, in the zone of the browser."""
    return moment.astimezone(ZoneInfo("Europe/Vienna")).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("address", "label", "row"),
    [
        ("/workflows/jobs?name=mosaic", "Submitted", ".job-list .job-row"),
        ("/workflows/logs", "Time", ".log-row"),
        ("/workflows/traces", "Time", "a.span-line"),
    ],
)
def test_ui_22_a_time_range_is_in_the_address(page: Page, world: World, address: str, label: str, row: str) -> None:
    assert world.mosaic
    now = datetime.now(UTC)
    page.goto(address)
    expect(page.locator(row).first).to_be_visible()
    page.get_by_label(label, exact=True).select_option("Last 7 days")
    expect(page).to_have_url(re.compile("range=7d"))
    expect(page.locator(row).first).to_be_visible()
    page.get_by_label(label, exact=True).select_option("From … to …")
    page.get_by_label("From", exact=True).fill(field(now - timedelta(days=2)))
    page.get_by_label("From", exact=True).blur()
    expect(page).to_have_url(re.compile(r"from=\d{4}-"))
    page.get_by_label("to", exact=True).fill(field(now - timedelta(days=1)))
    page.get_by_label("to", exact=True).blur()
    expect(page).to_have_url(re.compile(r"to=\d{4}-"))
    expect(page).not_to_have_url(re.compile("range="))
    expect(page.locator(".empty")).to_be_visible()
    # The address shows the same to whom it is sent.
    page.goto(page.url)
    expect(page.locator(".empty")).to_be_visible()
    expect(page.get_by_label("to", exact=True)).to_have_value(field(now - timedelta(days=1)))


def test_ui_3_the_name_combines_with_the_other_filters(page: Page, world: World) -> None:
    assert world.mosaic
    page.goto("/workflows/jobs?state=completed&range=1h")
    page.get_by_label("Name contains").fill("alps")
    page.get_by_label("Name contains").press("Enter")
    expect(page).to_have_url(re.compile(r"state=completed&range=1h&name=alps"))
    expect(page.locator(".job-list .job-row")).to_have_count(1)


def test_ui_25_lines_of_all_logs_lead_to_their_job_and_task(page: Page, world: World) -> None:
    assert world.mosaic
    page.goto("/workflows/logs?level=warning")
    line = page.locator(".log-entry", has_text="cloudy").filter(has_text="mosaic-alps › Scene").first
    line.get_by_role("link").click()
    expect(page.get_by_role("heading", name="mosaic-alps")).to_be_visible()
    expect(page.get_by_role("complementary", name="Task").get_by_role("heading", name="Scene")).to_be_visible()


def test_ui_23_traces_of_all_jobs_are_filtered_and_lead_to_their_task(page: Page, world: World) -> None:
    assert world.mosaic
    assert world.census
    rows = page.locator(".span-list .span-line")
    page.goto("/workflows/traces")
    expect(rows.first).to_be_visible()
    expect(rows.filter(has_text="download")).to_have_count(0)
    page.get_by_role("button", name="errors only").click()
    expect(page).to_have_url(re.compile("errors=1"))
    expect(rows.filter(has_text="Count cellars").first).to_contain_text("census")
    expect(rows.filter(has_text="Count cellars").first).to_contain_text("nobody opens: cellars")
    expect(rows.filter(has_text="Leaf")).to_have_count(0)
    page.goto("/workflows/traces?order=slowest&spans=all")
    expect(rows.first).to_be_visible()
    lengths = rows.evaluate_all(
        "rows => rows.map((row) => Number(row.querySelector('.span-length > span').style.getPropertyValue('--took')))"
    )
    assert len(lengths) > 10
    # The page counts microseconds.
    assert all(longer >= shorter - 0.002 for longer, shorter in zip(lengths, lengths[1:], strict=False))
    page.get_by_label("Length").select_option("10 min or longer")
    expect(page.get_by_text("No such spans in this time")).to_be_visible()
    page.goto("/workflows/traces?errors=1")
    rows.filter(has_text="Count cellars").first.click()
    panel = page.get_by_role("complementary", name="Task")
    expect(panel.get_by_role("heading", name="Count cellars")).to_be_visible()


def test_ui_26_clusters_show_their_runners(page: Page, world: World) -> None:
    world.call("WorkflowsService/CreateCluster", {"name": "Quiet", "slug": "quiet"})
    world.run()
    page.goto("/workflows/clusters")
    default = page.locator("article").first
    expect(default).to_contain_text(re.compile(r"\d+ idle, \d+ busy"))
    expect(default).to_contain_text(re.compile(r"last asked \d\d:\d\d"))
    expect(default).to_contain_text("Mosaic v0.0")
    default.get_by_text(re.compile(r"^\d+ more$")).click()
    expect(default.get_by_text("Wide v0.0")).to_be_visible()
    quiet = page.locator("[data-cluster=quiet]")
    expect(quiet).to_contain_text("No runner asked here")
    quiet.get_by_text("How to start one").click()
    expect(quiet.get_by_label("a runner in Python").first).to_contain_text(f'Client(url="{world.url}").runner("quiet"')
    # It stays open while runners are looked at again.
    with page.expect_response(re.compile("ListRunners")):
        page.locator("h1").click()
    expect(quiet.get_by_label("a runner in Python").first).to_be_visible()


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    yield server
    server.stop()


def test_ui_26_a_new_server_says_what_to_do(page: Page, context: BrowserContext, new: Server) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=new.url)
    page.goto(f"{new.url}/")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    command = page.get_by_label("submit a job").first
    expect(command).to_contain_text(f"boxwood job submit --url {new.url}")
    page.get_by_role("button", name="Copy: submit a job").click()
    expect(page.get_by_role("status")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == command.inner_text()
    for address, says in {
        "logs": "No logs in this time",
        "traces": "Runners send spans by themselves",
        "clusters": "No runner asked here",
    }.items():
        page.goto(f"{new.url}/workflows/{address}")
        expect(page.locator("#view")).to_contain_text(says)


def test_ui_1_the_navigation_has_what_the_server_serves(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("navigation", name="Main").get_by_role("link")).to_have_text(
        ["Jobs", "Clusters", "Logs", "Traces"]
    )
