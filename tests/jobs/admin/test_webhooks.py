"""Pages of webhooks and event hooks: who may, what is shown once, and what the buttons do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse
from django_celery_results.models import TaskResult
from pytest_django import Settings

from jobs import hooks, webhooks
from jobs.models import EventHook, ExecutionEvent, Webhook, WebhookDelivery
from jobs.recovery import celery_results
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, job_url
from tests.jobs.api.conftest import MakeJob, RunJob
from tests.receivers import Receiver, receiver, status

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Settings) -> Iterator[Receiver]:
    settings.DAYBOOK_OUTBOUND_ALLOW = ["127.0.0.1"]
    with receiver() as running:
        yield running


def of(name: str, *ids: object) -> str:
    return reverse(f"admin:jobs_{name}", args=ids)


FORM = {"name": "Chat", "events": ["failed", "dead"], "enabled": "on", "job": ""}


@pytest.fixture
def webhook(cast: Cast, server: Receiver) -> Webhook:
    return webhooks.create({"name": "Chat", "url": server.url("/in")}, tenant=cast.acme, actor="user:ana")[0]


@pytest.fixture
def hook(job_of: MakeJob) -> EventHook:
    data = {"name": "CI", "mapping": {"text": "/head_commit/message"}}
    return hooks.create(job_of().pk, data, actor="user:ana")[0]


def delivery_of(webhook: Webhook, state: str = "dead") -> WebhookDelivery:
    log = [{"at": sql.now().isoformat(), "seconds": 0.2, "status": 500, "answer": "<b>no</b>", "error": ""}]
    times = {"give_up_at": sql.now(), "next_try_at": sql.now() if state == "waiting" else None}
    return WebhookDelivery.objects.create(
        webhook=webhook, tenant=webhook.tenant, execution_id=7, event="failed", payload={}, status=state, log=log,
        tries=1, reason="It broke." if state == "dead" else "", **times,
    )  # fmt: skip


class TestWebhook:
    def test_is_made_with_a_secret_that_is_shown_once(self, as_ana: Browser, server: Receiver) -> None:
        answer = as_ana.post(of("webhook_add"), {**FORM, "url": server.url("/in")})
        webhook = Webhook.objects.get()
        assert webhook.newest_secret() in answer.content.decode()
        assert "no-store" in answer.headers["Cache-Control"]
        assert (webhook.events, webhook.updated_by, webhook.tenant.slug) == (["failed", "dead"], "user:ana", "acme")
        for page in (of("webhook_changelist"), of("webhook_change", webhook.pk)):
            text = as_ana.text(page)
            assert "Chat" in text
            assert webhook.newest_secret() not in text

    def test_names_what_is_wrong(self, as_ana: Browser) -> None:
        for changes in ({"url": "ftp://x"}, {"url": "http://127.0.0.1/"}, {"name": ""}, {"events": []}, {"job": "x"}):
            body = {**FORM, "url": "https://example.com/", **changes}
            answer = as_ana.post(of("webhook_add"), body)
            assert "to put right" in answer.content.decode(), changes
        assert not Webhook.objects.exists()

    def test_takes_a_job_by_its_short_name_or_number(
        self, cast: Cast, as_ana: Browser, webhook: Webhook, job_of: MakeJob
    ) -> None:
        job, theirs = job_of(name="Night load"), job_of(name="Elsewhere", tenant=cast.globex)
        page = of("webhook_change", webhook.pk)
        for text, expected in (("night-load", job.pk), ("", None), (f" {job.pk} ", job.pk)):
            assert as_ana.post(page, {**FORM, "url": webhook.url, "job": text}).status_code == 302
            webhook.refresh_from_db()
            assert webhook.job_id == expected, text
        text = as_ana.text(page)
        assert 'value="night-load"' in text
        assert "elsewhere" not in text
        for name in (theirs.slug, str(theirs.pk), "9" * 30):
            answer = as_ana.post(page, {**FORM, "url": webhook.url, "job": name})
            assert f"Acme has no job with the short name {name}." in answer.content.decode()

    def test_is_changed_and_removed(self, as_ana: Browser, webhook: Webhook) -> None:
        body = {**FORM, "name": "Other", "url": webhook.url}
        assert as_ana.post(of("webhook_change", webhook.pk), body).status_code == 302
        webhook.refresh_from_db()
        assert (webhook.name, webhook.events) == ("Other", ["failed", "dead"])
        assert "Keep it" in as_ana.text(of("webhook_remove", webhook.pk))
        as_ana.post(of("webhook_remove", webhook.pk))
        assert not Webhook.objects.exists()

    def test_is_tested_with_the_real_answer(self, as_ana: Browser, webhook: Webhook, server: Receiver) -> None:
        server.answers["/in"] = status(418, b"<i>I am a teapot</i>")
        page = as_ana.post(of("webhook_test", webhook.pk)).content.decode()
        assert "Status 418" in page
        assert "&lt;i&gt;I am a teapot&lt;/i&gt;" in page
        assert server.calls[0].headers["x-daybook-event"] == "test"

    def test_gets_another_secret(self, as_ana: Browser, webhook: Webhook) -> None:
        before = webhook.newest_secret()
        answer = as_ana.post(of("webhook_rotate", webhook.pk), {"overlap": "hour"})
        webhook.refresh_from_db()
        assert webhook.newest_secret() != before
        assert webhook.newest_secret() in answer.content.decode()
        assert before in webhook.secrets(sql.now())

    def test_shows_deliveries_and_sends_one_again(self, as_ana: Browser, webhook: Webhook) -> None:
        delivery = delivery_of(webhook)
        assert "It broke." in as_ana.text(of("webhook_change", webhook.pk))
        as_ana.post(of("webhook_redeliver", webhook.pk, delivery.pk))
        delivery.refresh_from_db()
        assert delivery.status == "waiting"
        answer = as_ana.post(of("webhook_redeliver", webhook.pk, delivery.pk))
        assert as_ana.told(answer) == ["It is sent again within a second or two.", "It waits to be sent already."]

    def test_is_only_looked_at_by_who_may_not_write(
        self, as_vera: Browser, as_olaf: Browser, as_gita: Browser, webhook: Webhook
    ) -> None:
        delivery = delivery_of(webhook)
        pages = [of(f"webhook_{name}", webhook.pk) for name in ("test", "rotate", "remove", "change")]
        for browser in (as_vera, as_olaf, as_gita):
            for page in (*pages, of("webhook_redeliver", webhook.pk, delivery.pk)):
                assert browser.post(page, {**FORM, "url": webhook.url}).status_code == 403, page
        assert "Save changes" not in as_vera.text(of("webhook_change", webhook.pk))
        assert as_vera.get(of("webhook_add")).status_code == 403
        assert as_gita.get(of("webhook_change", webhook.pk)).status_code == 403
        assert "Chat" not in as_gita.text(of("webhook_changelist"))

    @pytest.mark.parametrize("name", ["test", "rotate"])
    def test_does_nothing_by_get(self, as_ana: Browser, webhook: Webhook, name: str) -> None:
        assert as_ana.get(of(f"webhook_{name}", webhook.pk)).status_code == 405


class TestEventHook:
    def test_is_made_from_the_page_of_its_job(self, as_ana: Browser, job_of: MakeJob) -> None:
        job = job_of()
        assert of("eventhook_new", job.pk) in as_ana.text(job_url(job), tab="connections")
        body = {"name": "CI", "mapping": "text /a\n", "calls_per_minute": "5", "enabled": "on"}
        answer = as_ana.post(of("eventhook_new", job.pk), body)
        made = EventHook.objects.get()
        assert made.newest_secret() in answer.content.decode()
        assert (made.mapping, made.calls_per_minute) == ({"text": "/a"}, 5)
        assert of("eventhook_change", made.pk) in as_ana.text(job_url(job), tab="connections")

    def test_shows_how_to_call_it(self, as_ana: Browser, hook: EventHook) -> None:
        page = as_ana.text(of("eventhook_change", hook.pk))
        assert f"/api/v1/hooks/{hook.public_id}" in page
        assert "openssl dgst -sha256 -hmac" in page
        assert "head_commit" in page
        assert hook.newest_secret() not in page

    def test_names_what_is_wrong(self, as_ana: Browser, hook: EventHook) -> None:
        good = {"name": "CI", "mapping": "text /a", "calls_per_minute": "5"}
        wrong: list[dict[str, Any]] = [
            {"name": ""}, {"mapping": "nonsense"}, {"mapping": "text a"}, {"calls_per_minute": "0"},
            {"calls_per_minute": ""}, {"body_parameter": "unknown"},
        ]  # fmt: skip
        for changes in wrong:
            answer = as_ana.post(of("eventhook_change", hook.pk), {**good, **changes})
            assert "to put right" in answer.content.decode(), changes

    def test_is_changed_rotated_and_removed(self, as_ana: Browser, hook: EventHook) -> None:
        body = {"name": "Other", "mapping": "", "calls_per_minute": "5"}
        assert as_ana.post(of("eventhook_change", hook.pk), body).status_code == 302
        hook.refresh_from_db()
        assert (hook.name, hook.mapping, hook.is_enabled) == ("Other", {}, False)
        before = hook.newest_secret()
        as_ana.post(of("eventhook_rotate", hook.pk))
        hook.refresh_from_db()
        assert before not in hook.secrets(sql.now())
        as_ana.post(of("eventhook_remove", hook.pk))
        assert not EventHook.objects.exists()

    def test_is_only_looked_at_by_who_may_not_write(self, as_vera: Browser, as_gita: Browser, hook: EventHook) -> None:
        for browser in (as_vera, as_gita):
            for page in (
                *(of(f"eventhook_{name}", hook.pk) for name in ("rotate", "remove", "change")),
                of("eventhook_new", hook.job_id),
            ):
                assert browser.post(page, {"name": "x", "calls_per_minute": 1}).status_code == 403, page
        assert "Save changes" not in as_vera.text(of("eventhook_change", hook.pk))
        assert as_gita.get(of("eventhook_change", hook.pk)).status_code == 403


class TestCeleryResult:
    def test_is_named_by_its_execution_and_linked_for_who_may_see_all(
        self, as_ana: Browser, as_root: Browser, job_of: MakeJob, run_of: RunJob, settings: Settings
    ) -> None:
        settings.DAYBOOK_STORE_CELERY_RESULTS = True
        execution = run_of(job_of(), "succeeded")
        celery_results.mirror(list(ExecutionEvent.objects.values()))
        row = TaskResult.objects.get()
        link = reverse("admin:django_celery_results_taskresult_change", args=[row.pk])
        page = of("execution_change", execution.pk)
        assert link in as_root.text(page)
        assert link not in as_ana.text(page)
        assert "Celery result</dt>" in as_ana.text(page)
        detail = as_ana.get(f"/api/v1/executions/{execution.pk}").json()
        assert detail["celery_task_id"] == row.task_id
        settings.DAYBOOK_STORE_CELERY_RESULTS = False
        assert "Celery result</dt>" not in as_root.text(page)
        assert as_ana.get(f"/api/v1/executions/{execution.pk}").json()["celery_task_id"] is None
