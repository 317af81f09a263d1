"""Every page of the admin that the URLconf knows: its headers, what a GET writes, what a POST without its token may do,
and what becomes of hostile texts in every row that it shows."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from jobs.admin.dashboard.panels import PANELS
from jobs.models import Job
from scheduler_project.middleware import HEADERS, POLICY
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, RunJob, job_of, run_of
from tests.jobs.api.test_scope_matrix import recorded_writes
from tests.security import hostile, stage

__all__ = ["job_of", "run_of"]

pytestmark = pytest.mark.django_db

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")
SLUGS = {"jobs_job_switch": ("pause", "disable"), "jobs_job_impact": ("change", "disable"), "jobs_job_do": ("run",),
         "dashboard_part": tuple(PANELS)}  # fmt: skip


def admin_patterns(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from admin_patterns(pattern.url_patterns, path)
        elif path.startswith("admin/"):
            yield path, pattern.name or ""


def paths(rows: dict[str, Any]) -> list[str]:
    """Each pattern with the ids of the rows of the stage; all runs where one is asked for."""
    found = []
    for pattern, name in admin_patterns(get_resolver().url_patterns):
        model = pattern.split("/")[2] if pattern.count("/") > 2 else ""
        app = pattern.split("/")[1]
        choices: list[dict[str, Any]] = [{}]
        for typed, grouped in PARAMETER.findall(pattern):
            word = typed or grouped
            values: list[Any]
            if word == "object_id":
                row = rows.get(model) or _any_row(app, model)
                values = [row.pk] if row is not None else []
            elif word == "execution_id":
                values = [rows[kind].pk for kind in ("execution", "succeeded", "running", "waiting")]
            elif word.endswith("_id") and word.removesuffix("_id") in rows:
                values = [rows[word.removesuffix("_id")].pk]
            elif word == "app_label":
                values = ["jobs", "accounts", "auth"]
            elif word == "name":
                values = list(SLUGS.get(name, ("pause",)))
            elif word == "tenant":
                values = [rows["tenant"].slug]
            elif word == "token":
                values = [rows["draft"].token]
            elif word == "slug" and "token" in pattern:
                values = ["template", "parameters", "schedule", "notifications", "review"]
            elif word in ("url", "extra_context"):
                values = ["nothing/here/"]
            else:
                values = [1]
            choices = [{**choice, word: value} for choice in choices for value in values]
        for choice in choices:
            path = PARAMETER.sub(lambda hit, choice=choice: str(choice[hit[1] or hit[2]]), pattern)
            found.append("/" + path.replace("^", "").replace("$", ""))
    return found


def _any_row(app: str, model: str) -> Any:
    try:
        return apps.get_model(app, model)._base_manager.order_by("pk").first()
    except LookupError:
        return None


@pytest.fixture
def rows(cast: Cast, job_of: MakeJob, run_of: RunJob) -> dict[str, Any]:
    return stage.build(cast, job_of, run_of)


@pytest.fixture
def root(cast: Cast) -> Client:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(cast.root)
    return client


def test_every_page_holds_what_it_shows(rows: dict[str, Any], root: Client, cast: Cast) -> None:
    """With 42 hostile texts in every column that may hold somebody's text."""
    poisoned = hostile.poison()
    assert len(poisoned) > 60, poisoned
    root.force_login(cast.root)
    asked = paths(rows)
    problems: list[str] = []
    shown = pages = 0
    for path in [*asked, *lists_with_queries(asked)]:
        with recorded_writes() as writes:
            answer = root.get(path)
        text = answer.content.decode(errors="replace") if not answer.streaming else ""
        problems += [f"{path} writes {statement}" for statement in writes]
        if answer.status_code >= 500:
            problems.append(f"{path} answers {answer.status_code}")
        problems += [f"{path} {name}: {answer.headers.get(name)}" for name, value in HEADERS.items()
                     if answer.headers.get(name) != value]  # fmt: skip
        if answer.headers["Content-Type"].startswith("text/html"):
            if answer.headers.get("Content-Security-Policy") != POLICY:
                problems.append(f"{path} has the policy {answer.headers.get('Content-Security-Policy')}")
            problems += [f"{path} holds {found}" for found in hostile.Judge(text).found]
        pages += answer.status_code == 200
        shown += text.count("xss()")
    print(f"\n{len(poisoned)} columns, {len(asked)} paths, {pages} pages, {shown} hostile texts shown")
    assert not problems, "\n" + "\n".join(sorted(set(problems)))
    assert pages > 80
    assert shown > 1_000


@pytest.mark.parametrize("who", ["gita", "root"])
def test_no_page_shows_what_is_of_another_tenant(who: str, rows: dict[str, Any], cast: Cast) -> None:
    """To a member of the other one, and to a superuser who looks at the other one only."""
    for job in Job.objects.all():
        Job.objects.filter(pk=job.pk).update(name=f"Zebra {job.pk}", tags=["zebra"], queue="zebra", description="Zebra")
    running, job_id = rows["running"].pk, rows["job"].pk
    user = cast.root if who == "root" else cast.gita
    user.is_staff = True
    user.save()
    client = Client(raise_request_exception=False)
    client.force_login(user)
    if who == "root":
        client.post("/admin/choose/tenant/", {"tenant": cast.globex.pk})
    asked = [path for path in paths(rows) if path.startswith(("/admin/jobs/", "/admin/dashboard/", "/admin/run/"))]
    asked += [f"/admin/jobs/execution/rows/?ids={running}&newest=1", f"/admin/jobs/job/rows/?ids={job_id}",
              "/admin/?all=1", "/admin/find/?q=zebr", f"/admin/find/?q={running}", "/admin/jobs/job/?tenant=acme",
              f"/admin/dashboard/events/?level=all&job={job_id}", f"/admin/jobs/execution/?job={job_id}",
              "/admin/dashboard/tree/leaves/?group=tag&tenant=acme&name=zebra"]  # fmt: skip
    problems = []
    for path in asked:
        answer = client.get(path)
        text = answer.content.decode(errors="replace").casefold() if not answer.streaming else ""
        words = [word for word in ("zebra", "line 4", "it broke", f"execution {running}") if word in text]
        if words or answer.status_code >= 500:
            problems.append(f"{path} answers {answer.status_code} with {words}")
    assert not problems, "\n".join(problems)


def test_a_nul_in_a_query_is_refused(root: Client) -> None:
    """PostgreSQL has no such character, so no filter could look for it."""
    for page in ("jobs/execution", "jobs/backfill", "jobs/job", "accounts/auditentry"):
        for query in ("status=%00", "q=a%00", "tenant=1%00"):
            answer = root.get(f"/admin/{page}/?{query}")
            assert (answer.status_code, b"NUL character" in answer.content) == (400, True), (page, query)
    assert root.get("/api/v1/jobs?q=%00").json()["error"]["fields"].keys() == {"q"}


def lists_with_queries(asked: list[str]) -> list[str]:
    """Words of the query come back in pages too."""
    lists = [path for path in asked if path.count("/") == 4 and not path.endswith("add/")]
    queries = itertools.cycle(
        ("?q=%22%3E%3Cscript%3Exss()%3C/script%3E", "?e=1&p=%3Csvg/onload=xss()%3E", "?o=%27onfocus=xss()")
    )
    return [path + next(queries) for path in lists]


def test_no_change_without_the_token_of_the_form(rows: dict[str, Any], root: Client) -> None:
    """Every path by two methods that change something, signed in as a superuser."""
    problems = []
    tried = 0
    strangers = itertools.cycle(({}, {"Origin": "https://evil.example"}, {"X-CSRFToken": "a" * 64}))
    for path in paths(rows):
        for method in ("post", "delete"):
            headers = next(strangers)
            with recorded_writes() as writes:
                answer = getattr(root, method)(path, headers=headers)
            tried += 1
            if answer.status_code != 403 or writes:
                problems.append(f"{method} {path} {headers} is a {answer.status_code}, writes {writes[:1]}")
    print(f"\n{tried} requests without a token")
    assert not problems, "\n" + "\n".join(problems)


def test_what_is_no_page_of_ours_has_the_headers_too(cast: Cast, root: Client) -> None:
    for path in ("/health/live", "/metrics", "/static/daybook/console.js", "/api/v1/jobs", "/api/nothing", "/nothing",
                 "/admin/login/", "/static/nothing.js", "/api/docs"):  # fmt: skip
        for client in (Client(raise_request_exception=False), root):
            answer = client.get(path)
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
            policy = answer.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy or path == "/api/docs", (path, policy)
            if not answer.headers["Content-Type"].startswith("text/html"):
                assert policy.startswith("default-src 'none'"), (path, policy)
