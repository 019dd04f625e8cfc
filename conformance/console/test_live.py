"""Do pages show what is committed, by themselves, and without asking again and again?

Where a case is about time it is the page's own, which stands still until the case lets it go on.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.server import Server
from playwright.sync_api import Browser, Page, Route, expect

from api import Api

# Before any script of the page runs: counts what streams tell, and what is asked. It has the real clock.
WATCH = """
Object.assign(window, { heard: 0, asked: [], asking: 0 });
window.EventSource = class extends window.EventSource {
    constructor(address) {
        super(address);
        for (const name of ["changed", "many"]) this.addEventListener(name, () => { window.heard += 1; });
    }
};
const [ask, later] = [window.fetch.bind(window), window.setTimeout.bind(window)];
window.fetch = async (address, options) => {
    window.asked.push(address);
    window.asking += 1;
    try {
        return await ask(address, options);
    } finally {
        window.asking -= 1;
    }
};
window.calm = () => new Promise((resolve) => {
    let looks = 0;
    const look = () => {
        looks = window.asking ? 0 : looks + 1;
        if (looks === 10) resolve();
        else later(look, 10);
    };
    look();
});
"""
LOST = "The connection to the server is lost"


class Frozen:
    """A page whose clock stands still."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.add_init_script(WATCH)
        page.clock.install()
        with page.expect_response(re.compile("/events/")):
            page.goto(address)
        page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 10)
        # What it read before it was listened to is read once more (EV-3).
        self.run(2)
        self.asked()

    def run(self, seconds: float) -> None:
        """Lets time go on for so long, and waits for the answers to what the page asks meanwhile."""
        self.page.clock.run_for(int(seconds * 1000))
        self.page.evaluate("window.calm()")

    def asked(self) -> list[str]:
        """What the page asked since the last time."""
        return self.page.evaluate("window.asked.splice(0)")

    def hears(self, change: Callable[[], object]) -> None:
        """Waits until the stream told something more than it had before the change."""
        before = self.page.evaluate("window.heard")
        change()
        self.page.wait_for_function("before => window.heard > before", arg=before)


@pytest.mark.parametrize("what", ["jobs", "completed", "running"])
def test_ui_20_a_page_on_which_nothing_happens_asks_for_nothing(page: Page, api: Api, what: str) -> None:
    job = api.submit(f"nothing-happens-{what}")
    task = api.take()
    if what != "running":
        api.done(task)
    frozen = Frozen(page, "/workflows/jobs" if what == "jobs" else f"/workflows/jobs/{job}")
    expect(page.get_by_text(f"nothing-happens-{what}").first).to_be_visible()
    frozen.run(60)
    assert frozen.asked() == []
    if what == "running":
        api.done(task)


def test_ev_1_a_change_is_told_and_shown_within_a_second(page: Page, api: Api) -> None:
    job = api.submit("is-told")
    frozen = Frozen(page, f"/workflows/jobs/{job}")
    badge = page.locator(".job-top .badge")
    expect(badge).to_contain_text("submitted")
    frozen.hears(api.take)
    assert frozen.asked() == [], "it was told, and did not ask"
    frozen.run(1)
    expect(badge).to_contain_text("running")


def test_ui_20_however_often_a_job_changes_its_page_reads_it_once_a_second(page: Page, api: Api) -> None:
    job = api.submit("changes-often", ("Task", 200, []))
    frozen = Frozen(page, f"/workflows/jobs/{job}")
    for _ in range(3):
        for part in (0.3, 0.3, 0.4):
            frozen.hears(lambda: [api.done(api.take()) for _ in range(20)])
            frozen.run(part)
        assert frozen.asked().count("/workflows.v1.JobService/QueryJobs") == 1
    expect(page.locator(".legend")).to_contain_text("180 computed")


def test_the_list_hears_of_every_job_and_reads_the_one_that_changed(page: Page, api: Api) -> None:
    frozen = Frozen(page, "/workflows/jobs")
    frozen.hears(lambda: api.submit("came-later"))
    frozen.run(1)
    row = page.locator(".job-row", has_text="came-later")
    expect(row.locator(".icon title")).to_have_text(re.compile("^Submitted"))
    frozen.hears(api.take)
    frozen.run(1)
    expect(row.locator(".icon title")).to_have_text(re.compile("^Running"))


def test_a_lost_connection_is_said_and_what_was_missed_is_shown(page: Page, api: Api) -> None:
    job = api.submit("is-missed")
    # A stream that ends at once, as one through a network that is gone.
    answers = {"cut": True}

    def cut(route: Route) -> None:
        if answers["cut"]:
            route.abort("connectionfailed")
        else:
            route.continue_()

    page.route("**/events/**", cut)
    page.goto(f"/workflows/jobs/{job}")
    expect(page.get_by_text(LOST)).to_be_visible()
    api.done(api.take())
    answers["cut"] = False
    expect(page.get_by_text(LOST)).to_have_count(0)
    expect(page.locator(".job-top .badge")).to_contain_text("completed")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server that the case may stop."""
    server = Server(tmp_path / "data")
    yield server
    if server.running:
        server.stop()


@pytest.mark.parametrize("address", ["/workflows/jobs", "/workflows/jobs/{job}"])
def test_a_page_outlives_its_server(browser: Browser, own: Server, tmp_path: Path, address: str) -> None:
    api = Api(own.url)
    job = api.submit("outlives")
    page = browser.new_page(base_url=own.url)
    try:
        page.goto(address.format(job=job))
        expect(page.get_by_text("outlives").first).to_be_visible()
        own.stop()
        expect(page.get_by_text(LOST)).to_be_visible()
        again = Server(tmp_path / "data", listen=own.listen)
        try:
            # Before the page is back, most likely: nobody tells it of this.
            api = Api(again.url, api.cluster)
            api.done(api.take())
            expect(page.locator(".badge, .icon title").filter(has_text=re.compile("^completed", re.I)).first).to_be_attached()
            expect(page.get_by_text(LOST)).to_have_count(0)
        finally:
            page.close()
            again.stop()
    finally:
        page.close()
