"""Does each page show what there is to see?"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.server import Server
from playwright.sync_api import Browser, Page, expect

import tasks
from pages import PAGES, drawn
from world import World

MANY = 10_000


def test_ui_2_the_list_has_the_newest_job_first_with_its_state_and_numbers(page: Page, world: World) -> None:
    job = world.mosaic
    newest = world.submit("the-newest", tasks.Leaf(1))
    page.goto("/")
    expect(page).to_have_url(re.compile(r"/workflows/jobs$"))
    expect(page.locator(".job-list .job-row").first).to_have_attribute("data-job", str(newest.id))
    row = page.locator(f"[data-job='{job}']")
    expect(row).to_contain_text("mosaic-alps")
    expect(row).to_contain_text("14 tasks")
    expect(row.locator(".icon title")).to_have_text(re.compile("^Completed"))
    expect(row.locator("[role=progressbar]")).to_have_attribute("aria-valuetext", "12 of 12")
    world.run()


def test_ui_2_progress_bars_leave_room_for_the_name(page: Page, world: World) -> None:
    job = world.submit("a survey with a rather long name", tasks.Bars(5))
    world.run()
    page.goto("/workflows/jobs")
    name = page.locator(f"[data-job='{job.id}'] .job-name > .clip")
    expect(name).to_be_visible()
    assert name.evaluate("name => name.getBoundingClientRect().width") > 150
    expect(page.locator(f"[data-job='{job.id}']")).to_contain_text("+3")


def test_ui_3_filters_are_in_the_address_and_combine(page: Page, world: World) -> None:
    job = world.mosaic
    world.submit("never-taken", tasks.Leaf(1))
    page.goto("/workflows/jobs")
    page.get_by_role("button", name=re.compile("^completed")).click()
    expect(page).to_have_url(re.compile(r"\?state=completed$"))
    expect(page.locator(f"[data-job='{job}']")).to_be_visible()
    expect(page.locator(".job-row", has_text="never-taken")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("alps")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?name=alps$"))
    expect(page.locator(".job-list .job-row")).to_have_count(1)
    # A link that somebody was sent shows the same.
    page.goto("/workflows/jobs?name=never-taken&state=submitted&range=1h&task=queued")
    expect(page.locator(".job-list .job-row")).to_have_count(1)
    expect(page.get_by_role("button", name=re.compile("^submitted"))).to_have_attribute("aria-pressed", "true")
    world.run()


def test_ui_4_an_empty_result_says_that_no_jobs_match(page: Page) -> None:
    page.goto("/workflows/jobs?name=there-is-no-such-job")
    expect(page.get_by_text("No jobs match")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page).to_have_url(re.compile(r"/workflows/jobs$"))


def test_an_id_in_the_search_box_opens_the_job(page: Page, world: World) -> None:
    page.goto("/workflows/clusters")
    page.keyboard.press("/")
    page.keyboard.type(world.mosaic)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="mosaic-alps")).to_be_visible()


def test_ui_5_the_page_of_a_job_tells_what_it_is_and_how_far(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.mosaic}")
    expect(page.get_by_role("heading", name="mosaic-alps")).to_be_visible()
    expect(page.locator(".job-top .badge")).to_have_text(re.compile("completed"))
    facts = page.locator(".facts").first
    for name in ("Submitted", "Started", "Elapsed", "Compute time", "Parallelism", "Tasks"):
        expect(facts).to_contain_text(name)
    expect(facts).to_contain_text("×")
    expect(page.locator(".legend")).to_contain_text("14 computed")
    expect(page.locator(".progresses [role=progressbar]")).to_have_attribute("aria-valuetext", "12 of 12")
    when = page.locator(".facts time").first
    assert re.search(r"\d{4}-\d\d-\d\dT[\d:.]+Z", when.get_attribute("title") or ""), "the absolute time on hover"


def test_ui_6_branches_are_read_when_they_are_opened(page: Page, world: World) -> None:
    job = world.submit("wide", tasks.Wide(250))
    world.run()
    page.goto(f"/workflows/jobs/{job.id}")
    rows = page.get_by_role("treeitem")
    expect(rows).to_have_count(101)
    page.get_by_role("button", name="Show more tasks").click()
    expect(rows).to_have_count(201)
    page.get_by_role("button", name="Show more tasks").click()
    expect(rows).to_have_count(251)
    expect(page.get_by_role("button", name="Show more tasks")).to_have_count(0)
    rows.first.focus()
    page.keyboard.press("ArrowLeft")
    expect(rows.first).to_have_attribute("aria-expanded", "false")
    expect(page.locator(".task-row:visible[role=treeitem]")).to_have_count(1)


def test_ui_7_a_task_shows_its_input_its_trace_and_its_logs(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.mosaic}")
    page.get_by_role("treeitem").filter(has_text="Scene 003").click()
    panel = page.get_by_role("complementary", name="Task")
    expect(panel.get_by_role("heading", name="Scene 003")).to_be_visible()
    expect(panel).to_contain_text("JSON, 1 byte")
    expect(panel.locator(".trace-row")).to_have_count(2)
    expect(panel.locator(".log-row")).to_contain_text("cloudy")
    # The link to it shows it again.
    page.goto(page.url)
    expect(panel.get_by_role("heading", name="Scene 003")).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_ui_8_the_execution_is_a_timeline_by_task_and_by_runner(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.mosaic}?view=execution")
    expect(page.locator(".summary")).to_contain_text("1 runner")
    expect(page.locator(".summary")).to_contain_text("0 errors")
    rows = page.get_by_role("treeitem")
    expect(rows).to_have_count(14)
    scene = rows.filter(has_text="Scene 003")
    scene.click()
    expect(rows).to_have_count(15)
    expect(rows.filter(has_text="download")).to_have_count(1)
    page.get_by_role("button", name="by runner").click()
    expect(page.locator("button.bar")).to_have_count(14)
    page.locator("button.bar").first.click()
    expect(page.get_by_role("complementary", name="Task").get_by_role("heading", name="Mosaic")).to_be_visible()


def test_ui_9_logs_of_a_job_are_counted_and_filtered_by_level(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.mosaic}?view=logs")
    expect(page.locator(".log-row")).to_have_count(14)
    warnings = page.get_by_role("button", name=re.compile("^warning"))
    expect(warnings).to_have_text("warning12")
    warnings.click()
    expect(page.locator(".log-row")).to_have_count(12)
    expect(page).to_have_url(re.compile("level=warning"))
    page.locator(".log-row").first.click()
    expect(page.locator(".log-more").first).to_contain_text("cover")
    page.get_by_role("button", name="Open the task").first.click()
    expect(page.get_by_role("complementary", name="Task").get_by_role("heading", name="Scene")).to_be_visible()


def test_ui_10_the_diagram_is_an_image_in_the_colours_of_the_appearance(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.mosaic}?view=diagram")
    image = page.locator("img.drawing")
    expect(image).to_be_visible()
    first = image.get_attribute("src") or ""
    assert first.startswith("blob:")
    page.wait_for_function("document.querySelector('img.drawing').naturalWidth > 100")
    page.get_by_role("button", name="Dark").click()
    expect(image).not_to_have_attribute("src", first)


@pytest.mark.parametrize("sketchy", ["0", "1"])
def test_v_22_a_box_of_the_diagram_leads_to_its_task(page: Page, world: World, sketchy: str) -> None:
    page.goto(f"/workflows/jobs/{world.ingest()}?view=diagram&sketchy={sketchy}")
    box = page.get_by_role("button", name=re.compile("^Parse file 2, failed"))
    corner = page.locator("img.drawing").bounding_box()
    place = box.bounding_box()
    assert corner and place
    assert place["x"] > corner["x"]
    assert place["x"] + place["width"] < corner["x"] + corner["width"]
    box.click()
    expect(page.get_by_role("complementary", name="Task").get_by_role("heading", name="Parse file 2")).to_be_visible()


def test_ui_14_logs_of_all_jobs_by_time_and_level(page: Page, world: World) -> None:
    assert world.mosaic
    page.goto("/workflows/logs")
    expect(page.locator(".log-row").first).to_be_visible()
    page.get_by_role("button", name=re.compile("^warning")).click()
    expect(page).to_have_url(re.compile("level=warning"))
    expect(page.locator(".log-row .level").first).to_have_text("WARN")


def test_what_is_not_there_says_what_to_do(page: Page) -> None:
    page.goto("/workflows/jobs/0193f2a1-7b1c-7d10-8f3e-2f6f1b1a9c10")
    expect(page.get_by_role("alert")).to_contain_text("There is no such job")
    page.goto("/workflows/nowhere")
    expect(page.get_by_role("alert")).to_contain_text("There is no such page")
    page.get_by_role("link", name="To the jobs").click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    World(server.url).submit_many(MANY)
    yield server
    server.stop()


def test_ui_2_a_list_of_ten_thousand_jobs_is_read_as_one_scrolls(page: Page, busy: Server) -> None:
    page.goto(f"{busy.url}/workflows/jobs")
    rows = page.locator(".job-list .job-row")
    expect(rows.first).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^submitted"))).to_contain_text("10,000")
    assert rows.count() <= 150, "only what is needed is read"
    for _ in range(6):
        before = rows.count()
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.wait_for_function("count => document.querySelectorAll('.job-list .job-row').length > count", arg=before)
    ids = rows.evaluate_all("rows => rows.map((row) => row.dataset.job)")
    assert len(set(ids)) == len(ids) and ids == sorted(ids, reverse=True)
    page.goto(f"{busy.url}/workflows/jobs?name=many-00042")
    expect(rows).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_of_every_page(browser: Browser, server: Server, world: World, pictures: Path, scheme: str) -> None:
    failed = world.ingest()
    context = browser.new_context(base_url=server.url, color_scheme=scheme, viewport={"width": 1360, "height": 850})
    page = context.new_page()
    for name, address in PAGES.items():
        page.goto(address.format(mosaic=world.mosaic, failed=failed, task=world.first_task(world.mosaic)))
        drawn(page)
        page.screenshot(path=pictures / f"{name}-{scheme}.png")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = sum(map(int, re.findall(r"\d+", background)[:3])) < 200
    assert dark == (scheme == "dark"), background
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_narrow_window_needs_no_sideways_scrolling(page: Page, world: World, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    task = world.first_task(world.mosaic)
    page.goto(PAGES[name].format(mosaic=world.mosaic, failed=world.census, task=task))
    drawn(page)
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{wide} pixels too wide"
