"""Is hostile text only ever shown: nothing of it runs, nothing is asked of anybody else, and no page breaks?"""

import re
from pathlib import Path

import pytest
from harness.server import REPOSITORY
from playwright.sync_api import Page, expect

import tasks
from pages import drawn
from world import World

ASSETS = REPOSITORY / "crates" / "server" / "src" / "console" / "assets"

# What a page adds to itself beside the icon of the product.
FOREIGN = "document.querySelectorAll('#view img:not(.drawing), #view script, #view iframe, [onerror]').length"
TAG = '<img src=x onerror="window.hacked=1">'

# Each page, what it must show before it is looked at, and whether that is a hostile text.
PAGES = {
    "jobs": ("/workflows/jobs", ".job-name", True),
    "filtered": ("/workflows/jobs?name=<img src=x onerror=window.hacked=1>&cluster=<b>&state=<b>", ".empty", False),
    "tasks": ("/workflows/jobs/{hostile}", ".task-name", True),
    "failures": ("/workflows/jobs/{hostile}", ".failure-row", True),
    "panel": ("/workflows/jobs/{hostile}?task={task}", ".drawer .log-row", True),
    "logs-of-a-job": ("/workflows/jobs/{hostile}?view=logs", ".log-row", True),
    "execution": ("/workflows/jobs/{hostile}?view=execution", ".span-name", True),
    "diagram": ("/workflows/jobs/{hostile}?view=diagram", "img.drawing", False),
    "clone": ("/workflows/jobs/{hostile}/clone", "fieldset", False),
    "clusters": ("/workflows/clusters", "[data-cluster=hostile]", True),
    "logs": ("/workflows/logs", ".log-place a", True),
    "traces": ("/workflows/traces?spans=all", "a.span-line", True),
    "nowhere": ("/workflows/<img src=x onerror=window.hacked=1>", ".empty", False),
}


@pytest.mark.parametrize("name", PAGES)
def test_ui_19_hostile_texts_are_shown_and_nothing_else(page: Page, world: World, name: str) -> None:
    address, shown, hostile = PAGES[name]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address.format(hostile=world.hostile, task=world.first_task(world.hostile)))
    expect(page.locator(shown).first).to_be_visible()
    drawn(page)
    if hostile:
        expect(page.locator(shown).filter(has_text=TAG).first).to_be_visible()
    assert page.evaluate(FOREIGN) == 0
    assert page.evaluate("window.hacked") is None
    elsewhere = [url for url in asked if not url.startswith((world.url, "blob:", "data:"))]
    assert elsewhere == []
    for width in (1360, 390):
        page.set_viewport_size({"width": width, "height": 850})
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{wide} pixels too wide in a window of {width}"


def test_ui_19_control_characters_become_visible(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.hostile}?view=logs")
    expect(page.locator(".log-body").first).to_contain_text(r"\x1b[31mred\x1b[0m \u202eevil")
    page.goto(f"/workflows/jobs/{world.hostile}")
    expect(page.locator(".failures").first).to_contain_text(r"\x1b[31mred\x1b[0m \u202eevil")
    page.goto("/workflows/clusters")
    expect(page.locator("[data-cluster=hostile]")).to_contain_text(r"\u202eevil")


def test_ui_19_a_hostile_job_can_be_worked_with(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.hostile}/clone")
    expect(page.get_by_label("Job name")).to_have_value(tasks.HOSTILE)
    page.goto("/workflows/jobs")
    page.get_by_label("Name contains").fill("onerror=")
    page.get_by_label("Name contains").press("Enter")
    expect(page.locator(f"[data-job='{world.hostile}']")).to_be_visible()


@pytest.mark.parametrize("asset", sorted(ASSETS.glob("*.js")), ids=lambda asset: asset.name)
def test_ui_19_no_script_reads_a_text_as_code(asset: Path) -> None:
    """Texts are put in as texts; a small file with one job can be looked through."""
    source = asset.read_text()
    if asset.name == "boxes.js":
        # It reads where the boxes of a picture are, and puts nothing of the picture into the page.
        source = source.replace('new DOMParser().parseFromString(svg, "image/svg+xml")', "picture")
        assert "importNode" not in source
        assert "adoptNode" not in source
    words = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|\beval\(|new Function|setHTML"
    assert re.findall(words, source) == []
    assert len(source.splitlines()) <= 300
