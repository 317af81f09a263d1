"""Signed calls from outside, through the API: who gets in, what starts once, and what is refused with its reason."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from pytest_django import Settings

from jobs import hooks, registry
from jobs.models import EventHook, Execution, HookCall, Job
from scheduler_project.lib import signatures, sql
from tests.cast import ApiClient, Cast
from tests.jobs.api.conftest import MakeJob, job_of

__all__ = ["job_of"]

pytestmark = pytest.mark.django_db


class Sender:
    """Knows a hook's address and secret, and calls it."""

    def __init__(self, job: Job, **wishes: Any) -> None:
        self.hook, self.secret = hooks.create(job.pk, {"name": "CI", **wishes}, actor="user:ana")
        self.path = f"/api/v1/hooks/{self.hook.public_id}"

    def call(
        self,
        body: Any = b'{"message": "hi"}',
        *,
        at: int | None = None,
        secret: str = "",
        client: ApiClient | None = None,
        **headers: str,
    ) -> Any:
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        at = int(sql.now().timestamp()) if at is None else at
        signature = signatures.sign([secret or self.secret], at=at, body=body)
        return self.post(body, client=client, **{signatures.HEADER: signature, **headers})

    def by_github(self, body: bytes = b'{"message": "hi"}', *, secret: str = "", **headers: str) -> Any:
        signature = signatures._hmac(secret or self.secret, body)
        return self.post(body, **{"X-Hub-Signature-256": f"sha256={signature}", **headers})

    def post(self, body: bytes, *, client: ApiClient | None = None, **headers: str) -> Any:
        return (client or ApiClient()).generic("POST", self.path, body, "application/json", headers=headers)


MakeSender = Callable[..., Sender]


@pytest.fixture
def sender_of(job_of: MakeJob) -> MakeSender:
    def make(**wishes: Any) -> Sender:
        return Sender(job_of(policies={"overlap": "allow"}), **{"mapping": {"text": "/message"}, **wishes})

    return make


@pytest.fixture
def sender(sender_of: MakeSender) -> Sender:
    return sender_of()


def outcomes(sender: Sender) -> list[str]:
    return list(HookCall.objects.filter(hook=sender.hook).order_by("id").values_list("outcome", flat=True))


class TestGoodCall:
    def test_starts_a_run_with_parameters_from_the_body(self, sender: Sender) -> None:
        answer = sender.call({"message": "from outside", "more": [1, 2]})
        assert answer.status_code == 202, answer.content
        execution = Execution.objects.get()
        assert answer.json() == {"execution_id": execution.pk, "repeated": False}
        assert answer.headers["Location"] == f"/api/v1/executions/{execution.pk}"
        assert (execution.trigger, execution.requested_by) == ("event", "hook:CI")
        assert execution.parameters == {"text": "from outside"}
        assert outcomes(sender) == ["accepted"]

    def test_needs_no_body_when_nothing_is_mapped(self, sender_of: MakeSender) -> None:
        assert sender_of(mapping={}).call(b"").status_code == 202
        assert Execution.objects.get().parameters == {"text": "hello"}

    def test_takes_the_whole_body_into_one_parameter(self, sender_of: MakeSender) -> None:
        assert sender_of(mapping={}, body_parameter="text").call("all of it").status_code == 202
        assert Execution.objects.get().parameters == {"text": "all of it"}

    def test_goes_by_the_database_clock(self, sender: Sender) -> None:
        now = int(sql.now().timestamp())
        assert sender.call(at=now - 270).status_code == 202  # half a minute is left for the call itself
        assert sender.call(at=now - 301).status_code == 401

    def test_works_with_the_documented_shell_commands(self, sender: Sender) -> None:
        import subprocess

        script = 'printf %s.%s "$t" "$body" | openssl dgst -sha256 -hmac "$secret" | sed "s/^.* //"'
        at, body = str(int(sql.now().timestamp())), '{"message": "hi"}'
        made = subprocess.run(
            ["sh", "-c", script], env={"t": at, "body": body, "secret": sender.secret, "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        assert sender.post(body.encode(), **{signatures.HEADER: f"t={at},v1={made}"}).status_code == 202


class TestStranger:
    def test_is_told_the_same_whether_or_not_there_is_a_hook(self, sender: Sender) -> None:
        known = sender.call(secret="dbk_wrong")
        sender.path = "/api/v1/hooks/AAAAAAAAAAAAAAAAAAAAAA"
        unknown = sender.call()
        texts = [{**answer.json()["error"], "request_id": ""} for answer in (known, unknown)]
        assert texts[0] == texts[1]
        assert texts[0]["code"] == "bad_signature"
        assert [answer.status_code for answer in (known, unknown)] == [401, 401]
        assert not Execution.objects.exists()

    @pytest.mark.parametrize(
        "text", ["", "t=1", "v1=x", "t=x,v1=y", "🙂".encode().decode("latin-1"), "t=1,v1=" + "a" * 8_000]
    )
    def test_gets_in_with_no_other_header(self, sender: Sender, text: str) -> None:
        assert sender.post(b"{}", **{signatures.HEADER: text}).status_code == 401

    def test_leaves_no_rows_but_a_note_once_a_second(self, sender: Sender) -> None:
        for _ in range(5):
            sender.call(secret="dbk_wrong")
        assert not HookCall.objects.exists()
        hook = EventHook.objects.get()
        assert hook.refused_because == "The signature does not fit the secret and the body."
        first = hook.refused_at
        sender.call(at=1)
        hook.refresh_from_db()
        assert hook.refused_at == first

    def test_cannot_use_githubs_header_unless_the_hook_says_so(self, sender: Sender, sender_of: MakeSender) -> None:
        assert sender.by_github().status_code == 401
        assert sender_of(accepts_github=True).by_github().status_code == 202

    def test_is_every_sender_of_an_inactive_tenant(self, sender: Sender, cast: Cast) -> None:
        cast.acme.is_active = False
        cast.acme.save()
        assert sender.call().status_code == 401

    def test_learns_nothing_from_the_database(self, sender: Sender) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT row_to_json(h)::text FROM event_hooks h")
            stored = cursor.fetchone()[0]
        assert sender.secret not in stored
        assert sender.secret.removeprefix("dbk_") not in stored


class TestRepetition:
    def test_answers_with_the_first_run(self, sender: Sender) -> None:
        at = int(sql.now().timestamp())
        first, again = sender.call(at=at), sender.call(at=at)
        assert (first.status_code, again.status_code) == (202, 200)
        assert again.json() == {"execution_id": first.json()["execution_id"], "repeated": True}
        assert Execution.objects.count() == 1
        assert outcomes(sender) == ["accepted", "repeated"]

    def test_is_known_by_the_senders_id_under_another_time(self, sender: Sender) -> None:
        at = int(sql.now().timestamp())
        first = sender.call(at=at - 60, **{"X-Daybook-Delivery": "7"})
        again = sender.call(at=at, **{"X-Daybook-Delivery": "7"})
        assert (again.status_code, again.json()["execution_id"]) == (200, first.json()["execution_id"])

    def test_is_known_under_another_id_that_nobody_signed(self, sender: Sender) -> None:
        at = int(sql.now().timestamp())
        sender.call(at=at, **{"X-Daybook-Delivery": "7"})
        assert sender.call(at=at, **{"X-Daybook-Delivery": "8"}).status_code == 200

    def test_is_known_with_one_of_two_signatures_left_out(self, sender: Sender) -> None:
        at, body = int(sql.now().timestamp()), b'{"message": "hi"}'
        _, new = hooks.rotate(sender.hook.pk, actor="user:ana", overlap=timedelta(hours=1))
        both = signatures.sign([sender.secret, new], at=at, body=body)
        assert sender.post(body, **{signatures.HEADER: both}).status_code == 202
        assert sender.call(body, at=at, secret=new).status_code == 200
        assert sender.call(body, at=at).status_code == 200

    def test_of_github_is_known_whatever_id_it_has(self, sender_of: MakeSender) -> None:
        sender = sender_of(accepts_github=True)
        first = sender.by_github(**{"X-GitHub-Delivery": "a"})
        again = sender.by_github(**{"X-GitHub-Delivery": "b"})
        assert (first.status_code, again.status_code) == (202, 200)

    def test_with_another_body_is_refused(self, sender: Sender) -> None:
        sender.call({"message": "a"}, **{"X-Daybook-Delivery": "7"})
        answer = sender.call({"message": "b"}, **{"X-Daybook-Delivery": "7"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "delivery_reused")

    def test_of_a_refused_call_may_start_a_run(self, sender: Sender) -> None:
        at = int(sql.now().timestamp())
        registry.pause(sender.hook.job_id, actor="user:ana")
        assert sender.call(at=at).status_code == 409
        registry.resume(sender.hook.job_id, actor="user:ana")
        assert sender.call(at=at).status_code == 202

    def test_is_answered_though_the_job_is_switched_off_by_now(self, sender: Sender) -> None:
        at = int(sql.now().timestamp())
        sender.call(at=at)
        registry.archive(sender.hook.job_id, actor="user:ana")
        assert sender.call(at=at).status_code == 200

    def test_at_another_hook_is_none(self, sender: Sender, sender_of: MakeSender) -> None:
        """The secrets differ, so it cannot even be tried; with an id alone it is another event."""
        sender.call(**{"X-Daybook-Delivery": "7"})
        assert sender_of().call(**{"X-Daybook-Delivery": "7"}).status_code == 202


class TestClosed:
    @pytest.mark.parametrize(
        ("close", "words", "code"),
        [
            (lambda hook: registry.pause(hook.job_id, actor="user:ana"), "is paused", "hook_is_closed"),
            (lambda hook: registry.disable(hook.job_id, actor="user:ana"), "is disabled", "hook_is_closed"),
            (lambda hook: registry.archive(hook.job_id, actor="user:ana"), "is archived", "job_is_archived"),
            (
                lambda hook: hooks.change(hook.pk, {"enabled": False}, actor="x"),
                "hook CI is disabled",
                "hook_is_closed",
            ),
        ],
    )
    def test_says_what_is_switched_off(self, sender: Sender, close: Any, words: str, code: str) -> None:
        close(sender.hook)
        answer = sender.call()
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, code)
        assert words in error["message"]
        assert outcomes(sender) == ["refused"]
        assert words in HookCall.objects.get().message
        assert not Execution.objects.exists()


class TestBody:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (b'{"message": 7}', "parameters.text"),
            (b'{"message": "' + b"x" * 101 + b'"}', "parameters.text"),
            (b'{"other": 1}', "parameters.text"),
            (b"[]", "parameters.text"),
            (b"7", "parameters.text"),
            (b"", "parameters.text"),
        ],
    )
    def test_that_does_not_fit_is_refused_by_the_templates_schema(
        self, sender: Sender, body: bytes, field: str
    ) -> None:
        answer = sender.call(body)
        assert answer.status_code == 400
        assert list(answer.json()["error"]["fields"]) == [field]
        assert outcomes(sender) == ["refused"]

    @pytest.mark.parametrize(
        "body",
        [
            b"{", b'{"a": NaN}', b'{"message": "\\u0000"}', b'{"message": "\\ud800"}', b"\xff\xfe", b"[" * 9_000,
            b'{"a": 1, "a": 2}',
        ],
    )  # fmt: skip
    def test_that_is_broken_is_refused(self, sender: Sender, body: bytes) -> None:
        answer = sender.call(body)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] in ("malformed", "invalid")
        assert not Execution.objects.exists()

    def test_may_have_64_kilobytes(self, sender: Sender) -> None:
        fits = json.dumps({"message": "hi", "pad": ""}).encode()
        fits = fits.replace(b'"pad": ""', b'"pad": "' + b"x" * (65_536 - len(fits)) + b'"')
        assert len(fits) == 65_536
        assert sender.call(fits).status_code == 202
        answer = sender.call(fits + b" ")
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
        assert sender.call(b" " * 2_000_000).status_code == 413

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_comes_by_post_only(self, sender: Sender, method: str) -> None:
        assert ApiClient().generic(method, sender.path).status_code == 405

    def test_says_no_more_than_200_characters_of_an_id(self, sender: Sender) -> None:
        assert sender.call(**{"X-Daybook-Delivery": "x" * 201}).status_code == 400


class TestRate:
    def test_is_bounded_for_each_hook(self, sender_of: MakeSender) -> None:
        busy, other = sender_of(calls_per_minute=2), sender_of(calls_per_minute=2)
        at = int(sql.now().timestamp())
        statuses = [busy.call(at=at - n).status_code for n in range(3)]
        assert statuses == [202, 202, 429]
        answer = busy.call(at=at - 9)
        assert answer.json()["error"]["code"] == "rate_limited"
        assert 0 < int(answer.headers["Retry-After"]) <= 61
        assert other.call().status_code == 202
        assert HookCall.objects.filter(hook=busy.hook).count() == 2

    def test_is_open_again_after_a_minute(self, sender_of: MakeSender) -> None:
        busy = sender_of(calls_per_minute=1)
        assert busy.call().status_code == 202
        HookCall.objects.update(at=F("at") - timedelta(seconds=61))
        assert busy.call({"message": "another"}).status_code == 202

    def test_is_not_used_up_by_strangers(self, sender_of: MakeSender) -> None:
        busy = sender_of(calls_per_minute=1)
        for _ in range(5):
            busy.call(secret="dbk_wrong")
        assert busy.call().status_code == 202


class TestFullQueue:
    def test_is_told_and_the_call_may_come_back(self, sender: Sender, settings: Settings) -> None:
        at = int(sql.now().timestamp())
        settings.DAYBOOK_QUEUE_LIMIT = 1
        assert sender.call(at=at - 1).status_code == 202
        answer = sender.call(at=at)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "queue_full")
        assert int(answer.headers["Retry-After"]) > 0
        settings.DAYBOOK_QUEUE_LIMIT = 10
        assert sender.call(at=at).status_code == 202
        assert outcomes(sender) == ["accepted", "refused", "accepted"]


class TestRotation:
    def test_ends_the_former_secret_at_once_or_after_an_overlap(self, sender: Sender) -> None:
        at = int(sql.now().timestamp())
        _, second = hooks.rotate(sender.hook.pk, actor="user:ana", overlap=timedelta(hours=1))
        assert [sender.call(at=at - n, secret=one).status_code for n, one in enumerate((sender.secret, second))] == [
            202,
            202,
        ]
        _, third = hooks.rotate(sender.hook.pk, actor="user:ana")
        codes = [
            sender.call(at=at - 10 - n, secret=one).status_code for n, one in enumerate((sender.secret, second, third))
        ]
        assert codes == [401, 401, 202]

    def test_goes_on_with_a_secret_of_a_former_secret_key(self, sender: Sender, settings: Settings) -> None:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
        assert sender.call().status_code == 202


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_of_equal_calls_starts_one_run(self, sender: Sender) -> None:
        at = int(time.time())
        answers: list[int] = []

        def call() -> None:
            try:
                answers.append(sender.call(at=at, client=ApiClient()).status_code)
            finally:
                connection.close()

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(answers) == [200] * 7 + [202]
        assert Execution.objects.count() == 1
