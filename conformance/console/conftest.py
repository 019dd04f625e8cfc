"""Fixtures: one server with jobs of every sort, one browser, and for each case a page that must not fail."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

# Before the SDK is imported: its exporters read these once.
os.environ["OTEL_EXPORT_INTERVAL"] = "0.1s"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
for name in [name for name in os.environ if name.startswith("TILEBOX_")]:
    del os.environ[name]

import pytest
from harness.server import REPOSITORY, Server
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from api import Api
from world import World

# Without events a page looks every five seconds, a second later at most; a busy machine takes its time.
expect.set_options(timeout=20_000)

PICTURES = REPOSITORY / "target" / "console-pictures"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    shared = Server(tmp_path_factory.mktemp("server") / "data")
    yield shared
    shared.stop()


@pytest.fixture(scope="session")
def world(server: Server) -> World:
    return World(server.url)


@pytest.fixture
def api(server: Server) -> Api:
    return Api(server.url)


@pytest.fixture(scope="session")
def pictures() -> Path:
    PICTURES.mkdir(parents=True, exist_ok=True)
    return PICTURES


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    named = os.environ.get("BOXWOOD_CHROMIUM")
    program = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert program, "no Chromium: install it (Debian: apt-get install chromium), or name one with BOXWOOD_CHROMIUM"
    with sync_playwright() as playwright:
        # Chromium has no sandbox for the administrator, as whom containers run.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    made = browser.new_context(
        base_url=server.url, viewport={"width": 1360, "height": 850}, locale="en-GB", timezone_id="Europe/Vienna"
    )
    made.set_default_timeout(20_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; the case fails if a script fails or the security policy refuses something."""
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "console",
        lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None,
    )
    yield opened
    assert not opened.evaluate("window.hacked"), "a text was run"
    assert faults == []
