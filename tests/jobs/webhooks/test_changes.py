"""Webhooks through the API: made, changed, tested, sent again, and every wrong value named."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pytest_django import Settings

from jobs import webhooks
from jobs.models import Webhook, WebhookDelivery
from jobs.recovery import old_calls
from jobs.webhooks.changes import MOST_PER_TENANT
from scheduler_project.lib import batches, signatures, sql
from tests.cast import ApiClient, Cast, ClientOf
from tests.jobs.api.conftest import MakeJob, untouched
from tests.jobs.webhooks.conftest import MakeWebhook
from tests.receivers import Receiver, status

pytestmark = pytest.mark.django_db

PATH = "/api/v1/webhooks"
GOOD = {"name": "Chat", "url": "https://chat.example.com/in"}


def delivery_of(webhook: Webhook, state: str = "dead", **changes: Any) -> WebhookDelivery:
    log = [{"at": "2026-11-21T09:00:00+00:00", "seconds": 0.2, "status": 500, "answer": "no", "error": ""}]
    times = {"give_up_at": sql.now(), "next_try_at": sql.now() if state == "waiting" else None}
    values = {"execution_id": 7, "event": "failed", "payload": {"event": "execution.failed"}, "log": log, **times}
    return WebhookDelivery.objects.create(webhook=webhook, tenant=webhook.tenant, status=state, **{**values, **changes})


class TestCreate:
    def test_shows_the_secret_once(self, by_key: ApiClient) -> None:
        made = by_key.send("POST", PATH, GOOD)
        assert made.status_code == 201, made.content
        webhook, body = Webhook.objects.get(), made.json()
        assert body["secret"] == webhook.newest_secret()
        assert body["events"] == ["failed", "timed_out", "lost", "dead"]
        assert (body["job"], body["enabled"], body["tenant"]) == (None, True, "acme")
        for answer in (by_key.get(made.headers["Location"]), by_key.get(PATH)):
            assert body["secret"] not in answer.content.decode()

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *[("name", value) for value in (7, None, "", " ", "x" * 201, "a\nb", [])],
            *[("enabled", value) for value in (1, "true", None)],
            *[("events", value) for value in ([], "failed", None, ["started"], [7], [None], [[]], [{}], {})],
            *[("job", value) for value in (0, -1, "1", True, 1.5, 10**30, 987_654, [], {})],
            ("secret", "mine"), ("__class__", 1), ("🙂", 1),
            *[("url", value) for value in (
                7, None, "", "x", "ftp://example.com/", "file:///etc/passwd", "https://", "https://" + "x" * 2_000,
                "http://127.0.0.2/", "http://[::1]/", "http://169.254.169.254/", "http://10.0.0.1/",
                "http://user:pw@example.com/", "https://a b/", "\n",
            )],
        ],
        ids=repr,
    )  # fmt: skip
    def test_names_what_is_wrong(self, by_key: ApiClient, webhook_of: MakeWebhook, field: str, value: Any) -> None:
        webhook = webhook_of()
        for method, where, body in (
            ("POST", PATH, {**GOOD, field: value}),
            ("PATCH", f"{PATH}/{webhook.pk}", {field: value}),
        ):
            with untouched():
                answer = by_key.send(method, where, body)
            assert answer.status_code == 400, answer.content
            assert list(answer.json()["error"]["fields"]) == [field]
        assert Webhook.objects.count() == 1

    @pytest.mark.parametrize("body", [[], "x", 7, None])
    def test_wants_an_object(self, by_key: ApiClient, body: Any) -> None:
        assert by_key.generic("POST", PATH, str(body).encode(), "application/json").status_code == 400

    def test_refuses_a_job_of_another_tenant(self, by_key: ApiClient, job_of: MakeJob, cast: Cast) -> None:
        answer = by_key.send("POST", PATH, {**GOOD, "job": job_of(cast.globex).pk})
        assert list(answer.json()["error"]["fields"]) == ["job"]

    def test_refuses_more_than_a_tenant_can_have(self, by_key: ApiClient, cast: Cast) -> None:
        Webhook.objects.bulk_create(
            Webhook(tenant=cast.acme, name="x", url=GOOD["url"], events=["failed"]) for _ in range(MOST_PER_TENANT)
        )
        answer = by_key.send("POST", PATH, GOOD)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_webhooks")


class TestChange:
    def test_changes_what_is_named_and_forgets_failures_of_another_address(
        self, by_key: ApiClient, webhook_of: MakeWebhook, job_of: MakeJob
    ) -> None:
        webhook, job = webhook_of(), job_of()
        Webhook.objects.update(failures_in_row=3)
        where = f"{PATH}/{webhook.pk}"
        assert by_key.send("PATCH", where, {"job": job.pk}).json()["failures_in_row"] == 3
        changed = by_key.send("PATCH", where, {"url": GOOD["url"], "events": ["dead", "failed"]}).json()
        assert (changed["failures_in_row"], changed["events"], changed["job"]) == (0, ["failed", "dead"], job.pk)
        assert [row["id"] for row in by_key.get(f"{PATH}?job={job.pk}").json()["results"]] == [webhook.pk]
        assert by_key.get(f"{PATH}?job={job.pk + 1}").json()["total_count"] == 0

    def test_deletes_with_the_log(self, by_key: ApiClient, webhook_of: MakeWebhook) -> None:
        webhook = webhook_of()
        delivery_of(webhook)
        assert by_key.delete(f"{PATH}/{webhook.pk}").status_code == 204
        assert not WebhookDelivery.objects.exists()

    def test_rotates(self, by_key: ApiClient, webhook_of: MakeWebhook) -> None:
        webhook = webhook_of()
        new = by_key.send("POST", f"{PATH}/{webhook.pk}/rotate", {"overlap_seconds": 60}).json()["secret"]
        assert new != webhook.newest_secret()


class TestTest:
    def test_shows_the_real_answer(self, by_key: ApiClient, webhook_of: MakeWebhook, server: Receiver) -> None:
        webhook = webhook_of()
        server.answers["/in"] = status(418, b"I am a teapot")
        answer = by_key.send("POST", f"{PATH}/{webhook.pk}/test").json()
        assert (answer["delivered"], answer["status"], answer["answer"]) == (False, 418, "I am a teapot")
        [call] = server.calls
        header = call.headers["x-daybook-signature"]
        assert signatures.verify(header, [webhook.newest_secret()], body=call.body, now=time.time())
        assert not WebhookDelivery.objects.exists()

    def test_says_why_there_is_none(self, by_key: ApiClient, webhook_of: MakeWebhook, settings: Settings) -> None:
        webhook = webhook_of()
        settings.DAYBOOK_OUTBOUND_ALLOW = []
        answer = by_key.send("POST", f"{PATH}/{webhook.pk}/test").json()
        assert (answer["delivered"], answer["status"]) == (False, None)
        assert "not at a public address" in answer["error"]


class TestDeliveries:
    def test_are_listed_and_shown(self, by_key: ApiClient, webhook_of: MakeWebhook) -> None:
        webhook = webhook_of()
        dead, waiting = delivery_of(webhook), delivery_of(webhook, "waiting", execution_id=8)
        where = f"{PATH}/{webhook.pk}/deliveries"
        assert [row["id"] for row in by_key.get(where).json()["results"]] == [waiting.pk, dead.pk]
        assert [row["id"] for row in by_key.get(f"{where}?status=dead").json()["results"]] == [dead.pk]
        assert [row["id"] for row in by_key.get(f"{where}?execution=8").json()["results"]] == [waiting.pk]
        assert by_key.get(f"{where}?status=unknown").status_code == 400
        shown = by_key.get(f"/api/v1/webhook-deliveries/{dead.pk}").json()
        assert (shown["payload"], shown["log"][0]["status"]) == ({"event": "execution.failed"}, 500)

    def test_are_sent_again_under_the_same_id(self, by_key: ApiClient, webhook_of: MakeWebhook) -> None:
        dead = delivery_of(webhook_of())
        where = f"/api/v1/webhook-deliveries/{dead.pk}/redeliver"
        answer = by_key.send("POST", where)
        assert (answer.status_code, answer.json()["status"]) == (202, "waiting")
        assert answer.json()["delivery"] == str(dead.uid)
        answer = by_key.send("POST", where)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nothing_to_redeliver")

    def test_are_forgotten_after_a_month(self, webhook_of: MakeWebhook) -> None:
        webhook = webhook_of()
        delivery_of(webhook, created_at=sql.now() - old_calls.KEPT)
        fresh = delivery_of(webhook, execution_id=8)
        assert old_calls.sweep() == 1
        assert WebhookDelivery.objects.get() == fresh

    def test_are_forgotten_however_many_there_are(
        self, webhook_of: MakeWebhook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batches, "BATCH", 2)
        webhook = webhook_of()
        for number in range(5):
            delivery_of(webhook, execution_id=number, created_at=sql.now() - old_calls.KEPT)
        assert old_calls.sweep() == 5

    def test_go_with_their_webhook_however_many_there_are(
        self, webhook_of: MakeWebhook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batches, "BATCH", 2)
        doomed, other = webhook_of(), webhook_of()
        for number in range(5):
            delivery_of(doomed, execution_id=number)
        kept = delivery_of(other)
        webhooks.delete(doomed.pk, actor="user:ana")
        assert (Webhook.objects.get(), WebhookDelivery.objects.get()) == (other, kept)


def test_shows_readers_only_the_host_of_an_address(cast: Cast, client_of: ClientOf, webhook_of: MakeWebhook) -> None:
    webhook = webhook_of()
    Webhook.objects.update(url="https://chat.example.com/hooks/T0K3N?key=s3cr3t")
    where = f"/api/v1/webhooks/{webhook.pk}"
    reader, writer = client_of(cast.vera), client_of(cast.ana)
    for answer in (reader.get(where), reader.get("/api/v1/webhooks")):
        assert answer.status_code == 200
        assert "https://chat.example.com/…" in answer.json().get("url", str(answer.json()))
        assert "T0K3N" not in answer.content.decode()
        assert "s3cr3t" not in answer.content.decode()
    assert writer.get(where).json()["url"].endswith("?key=s3cr3t")
    found = [who.get("/api/v1/webhooks", {"q": "T0K3N"}).json()["total_count"] for who in (reader, writer)]
    assert found == [0, 1]
