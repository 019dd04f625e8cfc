"""Every page, by a name that its pictures have too."""

from playwright.sync_api import Page

PAGES = {
    "jobs": "/workflows/jobs",
    "tasks": "/workflows/jobs/{mosaic}",
    "task": "/workflows/jobs/{mosaic}?task={task}",
    "logs-of-a-job": "/workflows/jobs/{mosaic}?view=logs",
    "execution": "/workflows/jobs/{mosaic}?view=execution",
    "by-runner": "/workflows/jobs/{mosaic}?view=execution&by=runner",
    "diagram": "/workflows/jobs/{mosaic}?view=diagram",
    "failed": "/workflows/jobs/{failed}",
    "new": "/workflows/jobs/new",
    "clone": "/workflows/jobs/{mosaic}/clone",
    "clusters": "/workflows/clusters",
    "logs": "/workflows/logs",
    "traces": "/workflows/traces",
    "nowhere": "/workflows/nowhere",
}

# A page has been drawn when it no longer says that it reads, and nothing in it has changed for a moment.
DRAWN = """() => new Promise((resolve) => {
  const view = document.getElementById('view');
  let timer;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (view.childElementCount === 0 || /Reading …|Looking …|Drawing …/.test(view.innerText)) return again();
      watch.disconnect();
      resolve();
    }, 350);
  };
  const watch = new MutationObserver(again);
  watch.observe(view, { childList: true, subtree: true, characterData: true });
  again();
})"""


def drawn(page: Page) -> None:
    """Waits until a page has been drawn."""
    page.evaluate(DRAWN)
