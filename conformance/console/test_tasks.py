"""Does a task say how it stands with it, and is what failed found at once?"""

import re

from playwright.sync_api import Page, expect

import tasks
from world import World


def test_ui_7_a_running_task_shows_its_lease(page: Page, world: World) -> None:
    job = world.submit("held", tasks.Leaf(7))
    world.take("Leaf")
    page.goto(f"/workflows/jobs/{job.id}")
    page.get_by_role("treeitem").filter(has_text="Leaf").click()
    panel = page.get_by_role("complementary", name="Task")
    expect(panel.locator(".fact", has_text="Lease")).to_contain_text(re.compile(r"ends in \d+(\.\d+)? m?s \(\d"))
    expect(panel.locator(".fact", has_text="Handed out")).to_contain_text("1 time")
    expect(panel.locator(".fact", has_text="Task")).to_contain_text("Leaf v0.0")
    world.client.jobs().cancel(job)


def test_ui_7_retries_used_and_left_are_told(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.census}")
    page.locator(".failure-row", has_text="Count cellars").click()
    panel = page.get_by_role("complementary", name="Task")
    expect(panel.locator(".fact", has_text="Retries")).to_contain_text("2 used, 0 left")
    expect(panel.locator(".fact", has_text="Handed out")).to_contain_text("3 times")
    expect(panel.locator(".block").first).to_contain_text("nobody opens: cellars")
    expect(panel.get_by_label("Spans of the task")).to_contain_text("task/Count")


def test_ui_24_failures_are_at_the_top_also_of_a_job_with_many_tasks(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.census}")
    failed = page.get_by_role("region", name="Failed tasks")
    expect(failed).to_contain_text("1 task failed")
    expect(failed).to_contain_text("Count cellars")
    expect(failed).to_contain_text("failed 3 times")
    expect(failed).to_contain_text("nobody opens: cellars")
    expect(failed.get_by_role("button", name="Retry")).to_be_visible()
    optional = page.get_by_role("region", name="Optional failures")
    expect(optional).to_contain_text("1 optional task failed, the job goes on without")
    expect(optional).to_contain_text("nobody opens: attics")


def test_ui_7_input_that_is_no_text_is_shown_as_bytes(page: Page, world: World) -> None:
    job = world.submit_input("binary", b"\x00\xff\x10boxwood")
    page.goto(f"/workflows/jobs/{job}")
    page.get_by_role("treeitem").first.click()
    panel = page.get_by_role("complementary", name="Task")
    expect(panel).to_contain_text("bytes, 10 bytes")
    expect(panel.get_by_label("Input")).to_contain_text("00 ff 10 62")


def test_ui_21_the_id_of_a_task_leads_to_it(page: Page, world: World) -> None:
    task = world.first_task(world.mosaic)
    page.goto("/workflows/clusters")
    page.keyboard.press("/")
    page.keyboard.type(task.upper())
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/workflows/jobs/{world.mosaic}\?task={task}"))
    expect(page.get_by_role("complementary", name="Task").get_by_role("heading", name="Mosaic")).to_be_visible()
    page.goto("/workflows/find/0193f2a1-7b1c-7d10-8f3e-2f6f1b1a9c10")
    expect(page.get_by_text("Nothing has this id")).to_be_visible()


def test_the_keyboard_goes_into_the_panel_and_back(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.mosaic}")
    row = page.get_by_role("treeitem").filter(has_text="Scene 003")
    row.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Task")
    expect(panel).to_be_focused()
    expect(panel.locator(".log-row").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(row).to_be_focused()
