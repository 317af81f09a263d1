"""Broken bodies for webhooks and event hooks: refused in the one form of errors, and nothing changes."""

from __future__ import annotations

import pytest

from jobs import hooks
from tests.cast import ApiClient
from tests.jobs.api.conftest import MakeJob, untouched
from tests.jobs.api.test_hostile_input import BROKEN
from tests.jobs.webhooks.conftest import MakeWebhook

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_body_is_refused(by_key: ApiClient, job_of: MakeJob, webhook_of: MakeWebhook, what: str) -> None:
    job, webhook = job_of(), webhook_of()
    hook, _ = hooks.create(job.pk, {"name": "CI"}, actor="user:ana")
    body, _ = BROKEN[what]
    for method, path in (
        ("POST", "/api/v1/webhooks"),
        ("PATCH", f"/api/v1/webhooks/{webhook.pk}"),
        ("POST", f"/api/v1/webhooks/{webhook.pk}/rotate"),
        ("POST", f"/api/v1/jobs/{job.pk}/hooks"),
        ("PATCH", f"/api/v1/event-hooks/{hook.pk}"),
    ):
        with untouched():
            answer = by_key.generic(method, path, body, "application/json")
        assert answer.status_code in (400, 413), (path, answer.content)
        assert set(answer.json()["error"]) == {"code", "message", "fields", "request_id"}
