"""A browser that is signed in, and notes what it loads, hears and sees."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

# Runs before any script of the page: what came by the socket, which executions are linked, how late timers are.
NOTES = """
window.heard = []; window.seen = {}; window.late = [];
document.addEventListener("live:message", (event) => {
  if (event.detail.type === "changed") window.heard.push([Date.now(), event.detail.topic, event.detail.data.events]);
});
const look = () => {
  for (const link of document.querySelectorAll('a[href*="/jobs/execution/"]')) {
    const id = link.getAttribute("href").match(/execution\\/(\\d+)\\//)?.[1];
    if (id && !window.seen[id]) window.seen[id] = Date.now();
  }
};
new MutationObserver(look).observe(document, { childList: true, subtree: true });
let due = performance.now() + 50;
setInterval(() => { window.late.push(Math.max(performance.now() - due, 0)); due = performance.now() + 50; }, 50);
"""


@contextmanager
def browser() -> Iterator[Browser]:
    """The distribution's."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise SystemExit(f"No browser: none of {', '.join(PROGRAMS)} is on PATH (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--disable-gpu", "--no-first-run"])
        yield opened
        opened.close()


def sign_in(opened: Browser, base: str, session: str, **options: Any) -> BrowserContext:
    context = opened.new_context(base_url=base, locale="en-GB", **options)
    context.add_cookies([{"name": "sessionid", "value": session, "url": base}])
    context.add_init_script(NOTES)
    return context


@dataclass
class Weight:
    """Of a first visit, with nothing in the cache. `sent` is with gzip, as a proxy sends it."""

    requests: int = 0
    raw: int = 0
    sent: int = 0
    html: int = 0
    foreign: int = 0


def weigh(context: BrowserContext, path: str) -> Weight:
    page = context.new_page()
    weight, responses = Weight(), list[Response]()
    page.on("response", lambda response: responses.append(response))
    answer = page.goto(path, wait_until="networkidle")
    if answer is None or answer.status != 200:
        raise SystemExit(f"{path} answers {answer.status if answer else 'nothing'}.")
    origin = page.url.split("/admin")[0]
    for response in responses:
        body = response.body() if response.status == 200 else b""
        weight.requests += 1
        weight.raw += len(body)
        weight.sent += len(gzip.compress(body, 6))
        weight.foreign += not response.url.startswith(origin)
        if response.url == page.url:
            weight.html = len(body)
    page.close()
    return weight


def notes(page: Page, name: str) -> Any:
    return page.evaluate(f"window.{name}")
