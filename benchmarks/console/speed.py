"""How long a page takes to open when the history is long: until the server has answered, and until it is shown."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import BrowserContext, Page

from benchmarks.outage.turns import percentile

TIMES = 7
PAGES = {
    "Dashboard": "/admin/",
    "Jobs": "/admin/jobs/job/",
    "Job": "/admin/jobs/job/{job}/",
    "Its runs": "/admin/jobs/job/{job}/?tab=runs",
    "Executions": "/admin/jobs/execution/",
    "Executions that failed": "/admin/jobs/execution/?status=failed",
    "Executions of a job": "/admin/jobs/execution/?job={job}",
    "Executions, page 50": "/admin/jobs/execution/?p=50",
    "Execution": "/admin/jobs/execution/{execution}/change/",
    "Workers & queues": "/admin/jobs/worker/",
    "Inbox": "/admin/notifications/",
}
SEARCHES = {"Search for a job": "Nightly", "Search for an execution": "{execution}", "Search for nothing": "zzzz"}

TIMING = """() => { const [one] = performance.getEntriesByType("navigation");
return [one.responseEnd - one.requestStart, one.loadEventEnd - one.startTime]; }"""
SEARCH = """async (query) => { const from = performance.now();
const answer = await fetch(`${document.getElementById("palette").dataset.url}?part=1&q=${query}`);
await answer.text(); return answer.ok ? performance.now() - from : null; }"""


def measure(context: BrowserContext, **ids: int) -> dict[str, Any]:
    """Milliseconds, of pages that have been opened once before."""
    print(f"{'':<28}{'answered, ms: p50':>20}{'most':>8}{'shown, ms: p50':>20}{'most':>8}")
    page = context.new_page()
    found = {name: _open(page, name, path.format(**ids)) for name, path in PAGES.items()}
    found |= {name: _search(page, name, query.format(**ids)) for name, query in SEARCHES.items()}
    page.close()
    return found


def _open(page: Page, name: str, path: str) -> dict[str, float]:
    answered, shown = [], []
    for number in range(TIMES + 1):
        answer = page.goto(path, wait_until="load")
        if answer is None or answer.status != 200:
            raise SystemExit(f"{path} answers {answer.status if answer else 'nothing'}.")
        if number:
            server, load = page.evaluate(TIMING)
            answered.append(server)
            shown.append(load)
    figures = {
        "answered_p50": percentile(sorted(answered), 50),
        "answered_max": max(answered),
        "shown_p50": percentile(sorted(shown), 50),
        "shown_max": max(shown),
    }
    print(
        f"{name:<28}"
        + "".join(f"{value:>{width}.0f}" for value, width in zip(figures.values(), (20, 8) * 2, strict=True))
    )
    return figures


def _search(page: Page, name: str, query: str) -> dict[str, float]:
    page.evaluate(SEARCH, query)
    took = [page.evaluate(SEARCH, query) for _ in range(TIMES)]
    if None in took:
        raise SystemExit(f"The search for {query} is refused.")
    figures = {"answered_p50": percentile(sorted(took), 50), "answered_max": max(took)}
    print(f"{name:<28}{figures['answered_p50']:>20.0f}{figures['answered_max']:>8.0f}")
    return figures
