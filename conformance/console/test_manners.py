"""Is hostile text only shown; do keys and both appearances work?"""

import re

import pytest
from playwright.sync_api import Page, expect

import tasks
from world import World

# What a page adds to itself beside the icon of the product.
FOREIGN = "document.querySelectorAll('#view img:not(.drawing), #view script, #view iframe, [onerror]').length"


@pytest.mark.parametrize("view", ["tasks", "logs", "execution", "diagram"])
def test_hostile_texts_are_shown_and_not_run(page: Page, world: World, view: str) -> None:
    page.goto(f"/workflows/jobs/{world.hostile}?view={view}")
    expect(page.get_by_role("heading", name=tasks.HOSTILE)).to_be_visible()
    expected = {"tasks": ".task-name", "logs": ".log-row", "execution": ".span-name", "diagram": "img.drawing"}[view]
    expect(page.locator(expected).first).to_be_visible()
    if view != "diagram":
        expect(page.locator("#tab-body")).to_contain_text('<img src=x onerror="window.hacked=1">')
    if view == "tasks":
        page.get_by_role("treeitem").first.click()
        expect(page.get_by_role("complementary", name="Task").locator(".log-row")).to_be_visible()
    assert page.evaluate(FOREIGN) == 0
    assert page.evaluate("window.hacked") is None


def test_hostile_texts_in_lists_and_forms(page: Page, world: World) -> None:
    for address in ("/workflows/jobs", "/workflows/logs", f"/workflows/jobs/{world.hostile}/clone"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.evaluate(FOREIGN) == 0, address
    expect(page.get_by_label("Job name")).to_have_value(tasks.HOSTILE)
    page.goto(f"/workflows/jobs?name={'<img src=x onerror=window.hacked=1>'}")
    expect(page.locator(".applied")).to_contain_text("<img src=x onerror=window.hacked=1>")


def test_control_characters_of_logs_become_visible(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.hostile}?view=logs")
    expect(page.locator(".log-body").first).to_contain_text(r"\x1b[31mred\x1b[0m \u202eevil")


def test_rows_are_reached_and_opened_by_keys(page: Page, world: World) -> None:
    assert world.mosaic
    page.goto("/workflows/jobs")
    expect(page.locator(".job-list .job-row").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(".job-list .job-row").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Tasks")).to_be_visible()
    page.keyboard.press("g")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_chosen_appearance_stays(page: Page) -> None:
    page.goto("/workflows/clusters")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Light")).to_be_visible()


def test_going_back_shows_the_page_before(page: Page, world: World) -> None:
    page.goto("/workflows/jobs?name=mosaic-alps")
    page.locator(f"[data-job='{world.mosaic}']").click()
    expect(page.get_by_role("heading", name="mosaic-alps")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?name=mosaic-alps$"))
    expect(page.locator(".job-list .job-row").first).to_be_visible()


def test_everything_one_can_press_has_a_name(page: Page, world: World) -> None:
    for address in ("/workflows/jobs", f"/workflows/jobs/{world.mosaic}", "/workflows/clusters", "/workflows/jobs/new"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll('button, a[href], input, select, textarea')].filter((element) =>
                element.offsetParent && !element.innerText?.trim() && !element.getAttribute('aria-label')
                && !element.title && !element.labels?.length).map((element) => element.outerHTML)"""
        )
        assert unnamed == [], address


def test_a_server_that_does_not_answer_is_said(page: Page, world: World) -> None:
    assert world.mosaic
    page.route("**/workflows.v1.JobService/QueryJobs", lambda route: route.abort())
    page.goto("/workflows/jobs")
    expect(page.get_by_role("alert")).to_contain_text("No server answers")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.unroute("**/workflows.v1.JobService/QueryJobs")
    # Nobody needs to press it.
    expect(page.locator(".job-list .job-row").first).to_be_visible()
