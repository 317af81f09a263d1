"""`Idempotency-Key` over the whole URLconf: every POST heeds it, or stands here with the reason why it need not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework.views import APIView

from accounts import idempotency
from accounts.models import IdempotencyRecord
from jobs.models import EventHook, Execution, Webhook
from scheduler_project.api.idempotency import MARK
from tests.cast import ApiClient
from tests.jobs.api.conftest import MakeJob

READS = "It changes nothing."
SHORT_LIVED = "Its answer is a credential of minutes; another one costs nothing and stores nothing."
SETTLES = "It brings the row to a state; a repetition finds it there, or is told by a 409 that it is."
EXEMPT = {
    "job-pause": SETTLES,
    "job-validate": READS,
    "job-reconcile": SETTLES,
    "scheduler-reconcile": SETTLES,
    "job-disable": SETTLES,
    "job-impact": READS,
    "schedule-preview": READS,
    "backfill-cancel": SETTLES,
    "execution-cancel": SETTLES,
    "execution-approve": SETTLES,
    "execution-refuse": SETTLES,
    "execution-retry-now": SETTLES,
    "execution-give-up": SETTLES,
    "replay-cancel": SETTLES,
    "dead-letter-discard": SETTLES,
    "dead-letter-discard-group": SETTLES,
    "dead-letter-restore": SETTLES,
    "circuit-reset": SETTLES,
    "queue-pause": SETTLES,
    "queue-resume": SETTLES,
    "token": SHORT_LIVED,
    "token-refresh": "A refresh token is good once: a second use is refused, and ends all that came of it.",
    "token-revoke": SETTLES,
    "live-tickets": SHORT_LIVED,
    "webhook-test": "It sends an example and stores nothing.",
    "channel-test": "It sends an example and stores nothing.",
    "channel-preview": READS,
    "rule-preview": READS,
    "notification-read": SETTLES,
    "notification-read-all": SETTLES,
    "ui-notification-read": SETTLES,
    "hook-call": "Senders outside know no keys of ours: a call is known again by its signature and its delivery id.",
}


def posts(patterns: list[URLPattern | URLResolver]) -> Iterator[tuple[str, Any]]:
    """Route name and handler of each POST under /api/."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from posts(pattern.url_patterns)
            continue
        view = getattr(pattern.callback, "cls", None)
        if isinstance(view, type) and issubclass(view, APIView):
            actions = getattr(pattern.callback, "actions", None) or {"post": "post"}
            if handler := getattr(view, actions.get("post", ""), None):
                yield str(pattern.name), handler


def test_every_post_heeds_the_key_or_has_a_reason_not_to() -> None:
    found = dict(posts(get_resolver().url_patterns))
    without = {name for name, handler in found.items() if not getattr(handler, MARK, False)}
    assert without == set(EXEMPT)


@pytest.mark.django_db
class TestSecretsThatAreShownOnce:
    def test_a_repetition_makes_nothing_and_says_where_the_row_is(self, job_of: MakeJob, by_key: ApiClient) -> None:
        hook_path = reverse("job-hooks", args=[job_of().pk])
        receiver = {"name": "Chat", "url": "https://receiver.invalid/"}
        for path, body, table in ((hook_path, {"name": "CI"}, EventHook), (reverse("webhook-list"), receiver, Webhook)):
            first = by_key.send("POST", path, body, **{"Idempotency-Key": "k-1"})
            assert first.status_code == 201, first.content
            again = by_key.send("POST", path, body, **{"Idempotency-Key": "k-1"})
            assert (again.status_code, again.json()["error"]["code"]) == (409, "done_before")
            assert again.headers["Location"] == first.headers["Location"]
            assert by_key.get(again.headers["Location"]).json()["id"] == first.json()["id"]
            assert table.objects.count() == 1
        stored = " ".join(IdempotencyRecord.objects.values_list("response", flat=True))
        assert stored.strip() == ""

    def test_a_repeated_rotation_keeps_the_secret_of_the_first(self, by_key: ApiClient) -> None:
        made = by_key.send("POST", reverse("webhook-list"), {"name": "Chat", "url": "https://receiver.invalid/"})
        path = reverse("webhook-rotate", args=[made.json()["id"]])
        assert by_key.send("POST", path, {}, **{"Idempotency-Key": "r"}).status_code == 200
        nonce = Webhook.objects.get().nonce
        again = by_key.send("POST", path, {}, **{"Idempotency-Key": "r"})
        assert (again.status_code, again.headers["Location"]) == (409, made.headers["Location"])
        assert Webhook.objects.get().nonce == nonce


@pytest.mark.django_db
def test_a_route_is_one_however_its_path_is_spelt(job_of: MakeJob, by_key: ApiClient) -> None:
    job, other = job_of(), job_of()
    path = reverse("job-run", args=[job.pk])
    answers = [
        by_key.send("POST", spelt, {}, **{"Idempotency-Key": "k"})
        for spelt in (path, f"{path}/", path.replace(f"/{job.pk}/", f"/000{job.pk}/"))
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert IdempotencyRecord.objects.get().route == f"POST job-run pk={job.pk}"
    by_key.send("POST", reverse("job-run", args=[other.pk]), {}, **{"Idempotency-Key": "k"})
    assert Execution.objects.count() == 2


@pytest.mark.django_db
class TestRequestsInPieces:
    question = idempotency.Question(None, "user:ana", "POST somewhere", "k", "h" * 64)

    def test_a_second_one_is_told_that_the_first_is_at_work(self) -> None:
        assert idempotency.begin(self.question, kept=idempotency.HELD) is None
        with pytest.raises(idempotency.StillAtWork):
            idempotency.begin(self.question, kept=idempotency.HELD)

    def test_what_failed_can_be_sent_again_and_what_ended_is_kept(self) -> None:
        idempotency.begin(self.question, kept=idempotency.HELD)
        idempotency.forget(self.question)
        assert idempotency.begin(self.question, kept=idempotency.HELD) is None
        answer = idempotency.Answer(200, "{}", "")
        idempotency.finish(self.question, answer)
        idempotency.forget(self.question)
        assert idempotency.begin(self.question, kept=idempotency.HELD) == answer
        record = IdempotencyRecord.objects.get()
        assert record.expires_at - record.created_at > idempotency.HELD * 2
