"""Do the views of what runners tell go on by themselves, however much that is?"""

import re

from harness.waiting import wait_until
from playwright.sync_api import Page

import tasks
from world import World


def scrolled_to(page: Page, lines: int) -> None:
    """Scrolls until the page shows so many lines of a log."""
    page.wait_for_function(
        """lines => {
            window.scrollTo(0, document.body.scrollHeight);
            return document.querySelectorAll(".log-list > .log-entry").length >= lines;
        }""",
        arg=lines,
    )


def test_ui_9_the_logs_of_a_job_go_on_by_themselves_however_many_there_are(page: Page, world: World) -> None:
    tasks.Talk.attempts = 0
    job = world.submit("talks", tasks.Talk(1100))
    world.run()
    wait_until(lambda: world.telemetry("QueryJobLogs", job, "resourceLogs", 100), timeout=30)
    page.goto(f"/workflows/jobs/{job.id}?view=logs")
    scrolled_to(page, 1100)
    world.client.jobs().retry(job)
    world.run()
    # Nobody reads the page again: the second try logged as many.
    scrolled_to(page, 2200)
    texts = page.locator(".log-entry").all_text_contents()
    lines = [re.search(r"line=(\d+)", text) for text in texts]
    spoken = [int(line[1]) for line in lines if line]
    assert spoken == [*range(1100), *range(1100)]
