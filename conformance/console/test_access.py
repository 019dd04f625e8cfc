"""Can everybody use it: by keyboard, by ear, with little contrast in the eyes, without motion?"""

from dataclasses import dataclass

import pytest
from harness.server import Server
from playwright.sync_api import Browser, Page, expect

import tasks
from pages import PAGES, drawn
from world import World

# Roles of what one can press or fill in; they need a name.
NAMED = {
    "button", "link", "textbox", "searchbox", "combobox", "checkbox", "tab", "treeitem", "spinbutton", "slider",
    "dialog", "tree", "navigation", "complementary", "DisclosureTriangle", "progressbar", "img", "image",
}

# Contrast of every text with what is behind it, after WCAG; answers what is below the limit.
CONTRAST = """(limit) => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const parse = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (front, back) => [0, 1, 2].map((i) => front[i] * front[3] + back[i] * (1 - front[3])).concat(1);
  const light = (color) => {
    const part = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(color[0]) + 0.7152 * part(color[1]) + 0.0722 * part(color[2]);
  };
  const behind = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) layers.push(parse(getComputedStyle(each).backgroundColor));
    return layers.reverse().reduce((back, front) => over(front, back), [255, 255, 255, 1]);
  };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || element.closest('script, noscript, style, title, option, .sr')) continue;
    const style = getComputedStyle(element);
    if (!element.checkVisibility() || style.visibility === 'hidden' || element.closest('button:disabled')) continue;
    let opacity = 1;
    for (let each = element; each; each = each.parentElement) opacity *= Number(getComputedStyle(each).opacity);
    const back = behind(element);
    const color = parse(style.color);
    const front = over([color[0], color[1], color[2], color[3] * opacity], back);
    const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < limit) bad.push(`${ratio.toFixed(2)} ${element.className || element.tagName}: ${walk.currentNode.data.trim().slice(0, 40)}`);
  }
  return [...new Set(bad)];
}"""

# What the keyboard must reach: what can be pressed or filled in, and is seen; of lists with arrow keys the present row.
REACHABLE = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  .filter((each) => each.checkVisibility() && !each.disabled && each.tabIndex >= 0 && !each.closest('[aria-hidden=true]'))
  .map((each, index) => { each.dataset.stop = index; return each.outerHTML.slice(0, 90); })"""


@dataclass
class Address:
    """The pages, with the jobs they show."""

    world: World

    def of(self, name: str) -> str:
        return PAGES[name].format(
            mosaic=self.world.mosaic, failed=self.world.census, task=self.world.first_task(self.world.mosaic)
        )


@pytest.fixture
def address(world: World) -> Address:
    return Address(world)


def everything_has_a_name(page: Page) -> None:
    """What the browser tells programs that read pages out."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    seen = [node for node in nodes if not node.get("ignored")]
    used = [node for node in seen if node["role"]["value"] in NAMED]
    assert len(used) > 5
    assert [node for node in used if not node.get("name", {}).get("value", "").strip()] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ui_27_texts_have_enough_contrast(browser: Browser, server: Server, address: Address, scheme: str) -> None:
    context = browser.new_context(base_url=server.url, color_scheme=scheme, viewport={"width": 1360, "height": 850})
    page = context.new_page()
    found = {}
    for name in PAGES:
        page.goto(address.of(name))
        drawn(page)
        found[name] = page.evaluate(CONTRAST, 4.5)
    context.close()
    assert {name: bad for name, bad in found.items() if bad} == {}


@pytest.mark.parametrize("name", PAGES)
def test_ui_27_everything_has_a_name_and_is_reached_by_the_tab_key(page: Page, address: Address, name: str) -> None:
    page.goto(address.of(name))
    drawn(page)
    everything_has_a_name(page)
    stops = page.evaluate(REACHABLE)
    assert len(stops) > 5
    reached = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(min(len(stops), 60) + 5):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => { const at = document.activeElement; const style = getComputedStyle(at);
            return [at.dataset.stop, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1,
              at.outerHTML.slice(0, 90)]; }"""
        )
        if at[0] is not None:
            reached.add(int(at[0]))
            assert at[1], f"no sign of the keyboard at {at[2]}"
    missed = [stop for index, stop in enumerate(stops[:60]) if index not in reached]
    assert missed == []


def test_ui_27_arrow_keys_walk_through_the_tree(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.mosaic}")
    rows = page.get_by_role("treeitem")
    expect(rows).to_have_count(14)
    expect(rows.first).to_have_attribute("aria-level", "1")
    expect(rows.first).to_have_attribute("aria-expanded", "true")
    expect(rows.nth(1)).to_have_attribute("aria-level", "2")
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(rows.nth(2)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(rows.last).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(rows.first).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(rows.first).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(rows.first).to_have_attribute("aria-expanded", "true")
    # One stop of the Tab key, however many rows.
    assert page.locator("[role=treeitem][tabindex='0']").count() == 1


def test_ui_27_the_timeline_is_walked_through_by_arrow_keys(page: Page, world: World) -> None:
    page.goto(f"/workflows/jobs/{world.mosaic}?view=execution")
    rows = page.get_by_role("treeitem")
    expect(rows).to_have_count(14)
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    page.get_by_role("button", name="by runner").click()
    bars = page.locator("button.bar")
    bars.first.focus()
    page.keyboard.press("ArrowRight")
    expect(bars.nth(1)).to_be_focused()
    assert page.locator("button.bar[tabindex='0']").count() == 1


def test_ui_27_who_wants_less_motion_sees_none(browser: Browser, server: Server, world: World) -> None:
    job = world.submit("spins", tasks.Leaf(1))
    world.take("Leaf")
    for motion, moves in (("no-preference", True), ("reduce", False)):
        context = browser.new_context(base_url=server.url, reduced_motion=motion)
        page = context.new_page()
        page.goto(f"/workflows/jobs/{job.id}")
        expect(page.locator(".job-top .badge")).to_contain_text("running")
        assert page.evaluate("document.getAnimations().length > 0") == moves
        context.close()
    world.client.jobs().cancel(job)


def test_ui_27_what_is_read_out_is_not_read_out_again(page: Page, world: World) -> None:
    page.goto("/workflows/jobs?name=quiet-list")
    expect(page.get_by_text("No jobs match")).to_be_visible()
    page.evaluate(
        """() => { window.told = []; for (const each of document.querySelectorAll('[aria-live], [role=status]'))
        new MutationObserver(() => window.told.push(each.textContent)).observe(each, { childList: true, subtree: true,
        characterData: true }); }"""
    )
    job = world.submit("quiet-list", tasks.Leaf(1))
    expect(page.locator(f"[data-job='{job.id}']")).to_be_visible()
    world.run()
    expect(page.locator(f"[data-job='{job.id}'] .icon title")).to_contain_text("Completed")
    assert len(page.evaluate("window.told")) <= 1
