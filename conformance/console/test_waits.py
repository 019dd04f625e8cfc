"""Is it said of every task and job that waits, why, and for whom?"""

import pytest
from playwright.sync_api import Page, expect

from api import Api

WAITS = "What waits, and for whom"


def says(page: Page, api: Api, job: str, text: str, tasks: str = "1 task waits") -> None:
    """The page of the job says it, and the panel of its first queued task: with the name of the cluster, not its slug."""
    name = api.cluster.rsplit("-", 1)[0]
    text = text.replace(f"cluster {api.cluster}", f"cluster {name}")
    page.goto(f"/workflows/jobs/{job}")
    note = page.get_by_label(WAITS)
    expect(note).to_contain_text(text)
    expect(note).to_contain_text(tasks)
    page.locator(".task-row", has=page.locator(".state-QUEUED")).last.click()
    expect(page.locator("aside .note")).to_contain_text(text)


def test_in_10_no_runner_on_the_cluster(page: Page, api: Api) -> None:
    other = api.new_cluster()
    job = api.submit("waits-for-a-runner", identifier=("Scarce", "v1.2"))
    says(page, api, job, f"no runner asked for work on cluster {api.cluster} in the last minute; start one there for Scarce")
    # In the list of runners of another cluster there is one.
    assert api.ask(("Scarce", "v1.2"), cluster=other) is None
    says(page, api, job, f"(there are some on {other})")


def test_in_10_no_runner_for_the_name(page: Page, api: Api) -> None:
    job = api.submit("waits-for-a-name", ("Task", 3, []))
    assert api.ask(("Other", "v1.0")) is None
    says(page, api, job, f"no runner of cluster {api.cluster} can execute Task; start one there", "3 tasks wait")


def test_in_14_no_runner_for_the_version_and_those_that_were_seen(page: Page, api: Api) -> None:
    job = api.submit("waits-for-a-version", identifier=("Task", "v2.3"))
    assert api.ask(("Task", "v2.1")) is None
    assert api.ask(("Task", "v1.9"), ("Other", "v2.3")) is None
    says(page, api, job, "can execute Task v2.3, only v1.9, v2.1; start one for v2.3 or a later minor version")


def test_in_12_the_tasks_that_others_wait_for_are_named(page: Page, api: Api) -> None:
    job = api.submit("waits-for-tasks", ("Read", 3, []), ("Merge", 1, [0]))
    api.done(api.take())
    note = "waits for 2 of 3 tasks like Read"
    says(page, api, job, note)
    expect(page.get_by_label(WAITS)).to_contain_text("2 tasks wait")


def test_in_10_a_failed_and_a_canceled_job(page: Page, api: Api) -> None:
    failed = api.submit("waits-for-a-retry", ("Task", 2, []))
    api.failed(api.take())
    says(page, api, failed, "a task of the job has failed; retry the job to go on")
    canceled = api.submit("waits-for-ever", ("Task", 2, []))
    api.cancel(canceled)
    says(page, api, canceled, "the job is canceled; retry the job to go on", "2 tasks wait")


def test_in_10_next_in_line_while_runners_are_busy(page: Page, api: Api) -> None:
    job = api.submit("waits-for-its-turn", ("Task", 2, []))
    task = api.take()
    says(page, api, job, f"next in line: the runners of cluster {api.cluster} that can take it hold 1 task")
    api.done(task)


def test_what_waits_in_the_order_of_things_is_one_line_while_tasks_run(page: Page, api: Api) -> None:
    job = api.submit("waits-as-planned", ("Read", 2, []), ("Merge", 2, [0]), ("Write", 1, [1]))
    task = api.take()
    page.goto(f"/workflows/jobs/{job}")
    note = page.get_by_label(WAITS)
    expect(note.locator("summary")).to_have_text("3 tasks wait for other tasks, 1 next in line")
    reason = note.get_by_text("waits for 2 of 2 tasks like Read")
    expect(reason).to_be_hidden()
    note.locator("summary").click()
    expect(reason).to_be_visible()
    api.done(task)
    api.take()
    # It stays open when it is drawn again, and nothing is folded that could be a fault.
    expect(note.get_by_text("waits for 1 of 2 tasks like Read")).to_be_visible()


def test_a_task_that_need_not_wait_longer_says_so_by_itself(page: Page, api: Api) -> None:
    job = api.submit("waits-no-longer")
    page.goto(f"/workflows/jobs/{job}")
    expect(page.get_by_label(WAITS)).to_be_visible()
    task = api.take()
    expect(page.get_by_label(WAITS)).to_have_count(0)
    api.done(task)


@pytest.mark.parametrize(("idle", "busy"), [(1, 0), (0, 2)])
def test_in_1_the_runners_of_a_cluster_are_counted_idle_and_busy(page: Page, api: Api, idle: int, busy: int) -> None:
    known = (f"Task-of-{api.cluster}", "v7.0")
    if busy:
        api.submit("makes-busy", ("Task", busy, []), identifier=known)
    tasks = [api.ask(known) for _ in range(idle + busy)]
    page.goto("/workflows/clusters")
    row = page.locator(".runner-row", has_text=f"{known[0]} {known[1]}")
    expect(row).to_contain_text(f"{idle} idle")
    expect(row).to_contain_text(f"{busy} busy")
    for task in filter(None, tasks):
        api.done(task)
