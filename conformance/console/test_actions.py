"""Does each action do what it says, and does a page show what happens elsewhere?"""

import re
import uuid

from playwright.sync_api import Page, expect

import tasks
from world import World


def test_ui_10_a_failed_job_says_why_and_goes_on_when_it_is_retried(page: Page, world: World) -> None:
    job = world.ingest()
    page.goto(f"/workflows/jobs/{job}")
    failed = page.get_by_role("region", name="Failed tasks")
    expect(failed).to_contain_text("1 task failed")
    expect(failed).to_contain_text("no such region")
    failed.get_by_role("button", name="Parse file 2").click()
    expect(page.get_by_role("complementary", name="Task").get_by_role("heading", name="Parse file 2")).to_be_visible()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status")).to_contain_text("1 task will run again")
    expect(failed).to_have_count(0)
    expect(page.get_by_role("region", name="Optional failures")).to_contain_text("expected 12 columns")
    world.run()
    # Nobody reads the page again.
    expect(page.locator(".job-top .badge")).to_have_text(re.compile("completed"))
    expect(page.get_by_role("treeitem").filter(has_text="Parse file 2")).to_contain_text("computed")


def test_ui_10_a_job_is_canceled_only_after_a_question(page: Page, world: World) -> None:
    job = world.submit("to-be-canceled", tasks.Leaf(1))
    page.goto(f"/workflows/jobs/{job.id}")
    expect(page.locator(".note")).to_contain_text(re.compile("Nothing has run yet|1 task waits"))
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Keep").click()
    expect(page.locator(".job-top .badge")).to_have_text(re.compile("submitted"))
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator(".job-top .badge")).to_have_text(re.compile("canceled"))


def test_ui_10_a_clone_has_the_edited_root_task(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.mosaic}")
    page.get_by_role("link", name="Clone").click()
    expect(page.get_by_label("Job name")).to_have_value("mosaic-alps")
    field = page.get_by_label("Input", exact=True)
    expect(field).to_have_value("12")
    field.fill("3")
    page.get_by_label("Job name").fill("a smaller mosaic")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="a smaller mosaic")).to_be_visible()
    world.run()
    expect(page.locator(".legend")).to_contain_text("5 computed")


def test_a_new_job_is_submitted_with_dependent_tasks(page: Page, world: World) -> None:
    page.goto("/workflows/jobs")
    page.keyboard.press("n")
    page.get_by_label("Job name").fill("by hand")
    page.get_by_label("Identifier").fill("Leaf")
    page.get_by_label("Input", exact=True).fill("7")
    page.get_by_role("button", name="Add a root task").click()
    second = page.locator("fieldset").nth(1)
    second.get_by_label("Identifier").fill("Leaf")
    second.get_by_label("Runs after tasks").fill("1")
    second.get_by_label("Input", exact=True).fill("8")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="by hand")).to_be_visible()
    world.run()
    expect(page.locator(".job-top .badge")).to_have_text(re.compile("completed"))
    expect(page.get_by_role("treeitem")).to_have_count(2)


def test_what_the_server_refuses_is_said_where_it_was_typed(page: Page) -> None:
    page.goto("/workflows/jobs/new")
    page.get_by_label("Job name").fill("refused")
    page.get_by_label("Identifier").fill("Leaf")
    page.get_by_label("Runs after tasks").fill("9")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("alert")).to_contain_text("The server did not accept that")
    expect(page.get_by_label("Identifier")).to_have_value("Leaf")


def test_ui_11_clusters_are_created_edited_and_deleted(page: Page) -> None:
    slug = f"console-{uuid.uuid4().hex[:8]}"
    page.goto("/workflows/clusters")
    default = page.locator("article").first
    expect(default).to_contain_text("protected")
    expect(default.get_by_role("button", name="Delete")).to_have_count(0)
    page.get_by_role("button", name="New cluster").click()
    page.get_by_label("Name", exact=True).fill("GPU <b>machines</b>")
    page.get_by_label("Slug").fill(slug)
    page.get_by_role("button", name="Create").click()
    card = page.locator(f"[data-cluster='{slug}']")
    expect(card.get_by_role("heading")).to_have_text("GPU <b>machines</b>")
    card.get_by_role("button", name="Edit").click()
    page.get_by_label("Description").fill("Eight cards each")
    page.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("Eight cards each")
    card.get_by_role("link", name="Its jobs").click()
    expect(page).to_have_url(re.compile(f"cluster={slug}"))
    expect(page.get_by_text("No jobs match")).to_be_visible()
    page.go_back()
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the cluster").click()
    expect(card).to_have_count(0)


def test_the_list_shows_new_jobs_and_new_states_by_itself(page: Page, world: World) -> None:
    page.goto("/workflows/jobs")
    expect(page.locator(".job-list")).to_be_attached()
    job = world.submit("appears-by-itself", tasks.Leaf(1))
    row = page.locator(f"[data-job='{job.id}']")
    expect(row).to_be_visible()
    expect(row.locator(".icon title")).to_have_text(re.compile("^Submitted"))
    world.run()
    expect(row.locator(".icon title")).to_have_text(re.compile("^Completed"))


def test_the_page_of_a_job_grows_by_itself(page: Page, world: World) -> None:
    job = world.submit("grows", tasks.Mosaic(2))
    page.goto(f"/workflows/jobs/{job.id}")
    expect(page.get_by_role("treeitem")).to_have_count(1)
    world.run()
    expect(page.get_by_role("treeitem")).to_have_count(4)
    expect(page.locator(".legend")).to_contain_text("4 computed")
