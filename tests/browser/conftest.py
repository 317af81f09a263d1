"""Fixtures of the browser tests: the web as its own process, the distribution's Chromium, pages that stay clean."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from scheduler_project.embedded.processes import free_port
from tests.cast import Cast
from tests.jobs.api.conftest import job_of, run_of
from tests.live import Process, environment, scheduler, wait_for, worker

__all__ = ["job_of", "run_of"]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
DESKTOP, PHONE = {"width": 1366, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The distribution's browser, since nothing is downloaded.

    For a module, not for the session: Playwright keeps an event loop in this thread, beside which a test client of
    Django's does not work.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"No browser: none of {', '.join(PROGRAMS)} is on PATH (Debian: apt-get install chromium).")
    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=program, args=quiet)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def web(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a web process on the test database."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "scheduler_project.asgi:application", "--lifespan", "off"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    with django_db_blocker.unblock():
        where = environment("web", DAYBOOK_OUTBOUND_ALLOW="127.0.0.1")  # where receivers of tests listen
    folder: Path = tmp_path_factory.mktemp("web")
    process = Process(command, where, folder / "web.log")
    try:
        wait_for(
            lambda: process.process.poll() is not None or "running on" in process.text(), seconds=40, what="the web"
        )
        assert process.process.poll() is None, process.text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


@pytest.fixture
def stack(transactional_db: None, web: str, tmp_path: Path) -> Iterator[str]:
    """The web with a scheduler and a worker beside it, each a process of its own. For what only they can show."""
    with scheduler(tmp_path), worker(tmp_path):
        yield web


class Visit:
    """A page of one signed-in person, and everything that its console said."""

    def __init__(self, page: Page, web: str) -> None:
        self.page = page
        self.web = web
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: Any) -> None:
        # htmx calls it an error when a page is left while a part is being read. A part that cannot be read
        # says more than this: htmx:sendError or htmx:responseError.
        left = message.text.startswith(("htmx:afterRequest", "htmx:sendAbort"))
        if message.type in ("error", "warning") and not left:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.web}{path}")
        return self.page


SignIn = Callable[..., Visit]


@pytest.fixture
def visit(transactional_db: None, chromium: Browser, web: str, cast: Cast) -> Iterator[SignIn]:
    """Opens the site as somebody. At the end no page may have complained."""
    visits: list[tuple[BrowserContext, Visit]] = []

    def make(user: User | None, *, viewport: Any = None, scheme: Any = "light", **options: Any) -> Visit:
        context = chromium.new_context(
            base_url=web, viewport=viewport or DESKTOP, color_scheme=scheme, locale="en-GB", **options
        )
        if user is not None:
            user.is_staff = True
            user.save()
            client = Client()
            client.force_login(user)
            context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": web}])
        made = Visit(context.new_page(), web)
        visits.append((context, made))
        return made

    yield make
    complaints = [complaint for _, made in visits for complaint in made.complaints]
    for context, _ in visits:
        context.close()  # what this cuts off may complain as it likes
    assert complaints == []
