"""Reading changes nothing: every GET, of the API and of the console, on a connection that cannot write."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admindocs.views import simplify_regex
from django.db import connection
from django.urls import URLResolver, reverse

from accounts import tokens
from jobs import drafts
from jobs.models import JobDraft
from tests.cast import Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob, backfill_of
from tests.jobs.api.test_scope_matrix import GUARDED, Stage, recorded_writes, worker

PLACE = re.compile("<(?:[a-z]+:)?([a-z_]+)>")
PAGE_ANSWERS = {
    200,
    302,
    400,
    403,
    404,
    405,
    410,
}  # some are only posted to
NO_DATA = {
    "live": "a stream, which has tests of its own",
}


@contextmanager
def read_only() -> Iterator[None]:
    """Whatever would write fails, and so does taking a lock on a row."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")


@pytest.mark.django_db(transaction=True)
def test_no_get_writes(job_of: MakeJob, run_of: RunJob, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
    job = job_of()
    backfill_of(job)
    stage = Stage(job, run_of(job))
    drafts.start(user_id=cast.root.pk, tenant=cast.acme, template=job.template)
    clients = {
        "root": client_of(cast.root),
        "key": client_of(make_key()[1]),
        "token": client_of(tokens.start(cast.root).access),
    }
    tried, problems, answers = 0, [], Counter[int]()
    with read_only(), pytest.raises(Exception, match="read-only"):
        worker()  # or the rest would prove nothing
    names = [name for method, name in GUARDED if method == "get" and name not in NO_DATA]
    addresses = [(who, stage.path(name)) for name in names for who in clients]
    addresses += [("root", path) for path in pages(stage)]
    with read_only():
        for who, path in addresses:
            with recorded_writes() as writes:
                answer: Any = clients[who].get(path)
            tried += 1
            is_page = path.startswith(reverse("admin:index"))
            answers.update([answer.status_code])
            if answer.status_code not in (PAGE_ANSWERS if is_page else {200}) or writes:
                problems.append(f"{who} {path}: {answer.status_code} {writes} {answer.content[:200]!r}")
    print(f"\n{tried} GETs without a write, answered by status: {dict(answers)}")
    assert answers[200] > 150
    assert not problems, "\n" + "\n".join(problems)


def pages(stage: Stage) -> Iterator[str]:
    """Every address of the console, with the number of a row of the stage where it needs one."""
    models = {f"{model._meta.app_label}/{model._meta.model_name}/": model for model in admin.site._registry}
    of_stage = {type(row): row.pk for row in stage.rows.values()}
    patterns, _, _ = admin.site.urls
    for route in sorted(set(_routes(patterns))):
        model = next((model for prefix, model in models.items() if route.startswith(prefix)), None)
        first = model._default_manager.values_list("pk", flat=True).first() if model else None
        named = {"job_id": stage.job.pk, "name": "pause", "app_label": "jobs", "delivery_id": stage.rows["delivery"].pk}
        named |= {name: stage.rows[name.removesuffix("_id")].pk for name in ("channel_id", "sending_id", "rule_id")}
        named |= {"token": JobDraft.objects.get().token, "slug": "parameters"}
        number = of_stage.get(model) or first or 1
        numbers = {place: named.get(place, number) for place in PLACE.findall(route)}
        yield reverse("admin:index") + PLACE.sub("{\\1}", route).format_map(numbers)


def _routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = (
            prefix + simplify_regex(str(pattern.pattern)).lstrip("/")
            if "(?P" in str(pattern.pattern)
            else prefix + str(pattern.pattern)
        )
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route
