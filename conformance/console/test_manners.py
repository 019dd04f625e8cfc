"""Do keys, both appearances and the way back work, and what if the server is gone?"""

import re

from playwright.sync_api import Page, expect

from world import World

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


def test_a_server_that_does_not_answer_is_said(page: Page, world: World) -> None:
    assert world.mosaic
    page.route("**/workflows.v1.JobService/QueryJobs", lambda route: route.abort())
    page.goto("/workflows/jobs")
    expect(page.locator(".empty.bad")).to_contain_text("No server answers")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.unroute("**/workflows.v1.JobService/QueryJobs")
    # Nobody needs to press it.
    expect(page.locator(".job-list .job-row").first).to_be_visible()


def test_ui_28_a_page_says_that_the_server_is_gone_and_goes_on_when_it_is_back(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.mosaic}")
    expect(page.locator(".legend")).to_contain_text("14 computed")
    page.route("**/*", lambda route: route.abort())
    page.get_by_role("treeitem").first.click()
    expect(page.locator(".unreachable")).to_contain_text("connection to the server is lost")
    expect(page.locator(".legend")).to_contain_text("14 computed")
    page.unroute("**/*")
    expect(page.locator(".unreachable")).to_have_count(0)
