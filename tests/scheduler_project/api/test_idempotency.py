"""Requests with an Idempotency-Key: however often they are sent, they are carried out once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F

from accounts import idempotency
from accounts.idempotency import Question
from accounts.models import IdempotencyRecord, Membership, Tenant
from accounts.scopes import Role
from jobs.models import Calendar, Execution, Job
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import JOB, MakeJob, by_key, job_of

__all__ = ["by_key", "job_of"]

pytestmark = pytest.mark.django_db

PATH = "/api/v1/jobs"
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


def post(client: ApiClient, body: Any = JOB, *, key: str = KEY, path: str = PATH, **headers: str) -> Any:
    return client.send("POST", path, body, **{"Idempotency-Key": key, **headers})


def is_replayed(answer: Any) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"


class TestReplay:
    def test_returns_the_first_answer(self, by_key: ApiClient) -> None:
        first, again = post(by_key), post(by_key)
        assert (first.status_code, is_replayed(first)) == (201, False)
        assert (again.status_code, is_replayed(again)) == (201, True)
        assert again.content == first.content
        assert again.headers["Location"] == first.headers["Location"]
        assert Job.objects.count() == 1

    def test_goes_by_what_the_body_says_not_by_how_it_is_written(self, by_key: ApiClient) -> None:
        post(by_key)
        assert is_replayed(post(by_key, dict(reversed(JOB.items()))))

    def test_stays_as_it_was_when_the_row_has_changed_since(self, by_key: ApiClient) -> None:
        first = post(by_key)
        Job.objects.update(name="Other")
        assert post(by_key).json() == first.json()

    def test_runs_a_job_once(self, by_key: ApiClient, job_of: MakeJob) -> None:
        path = f"{PATH}/{job_of().pk}/run"
        answers = [post(by_key, None, path=path) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 202]
        assert Execution.objects.count() == 1

    def test_needs_the_credentials_again(self, by_key: ApiClient, client_of: ClientOf) -> None:
        post(by_key)
        assert post(client_of(None)).status_code == 401

    def test_is_not_for_those_who_may_no_longer_do_it(self, cast: Cast, client_of: ClientOf, job_of: MakeJob) -> None:
        for number in range(2):  # with more tenants than one, a path alone does not say which is meant
            tenant = Tenant.objects.create(slug=f"other-{number}", name="Other")
            Membership.objects.create(tenant=tenant, user=cast.ana, role=Role.AUTHOR)
        job = job_of()
        ways: dict[str, Any] = {
            f"{PATH}/{job.pk}/run": None,
            f"{PATH}/{job.pk}/clone": {},
            f"/api/v1/schedules/{job.pk}/run": {},
        }
        for path, body in ways.items():
            assert post(client_of(cast.ana), body, path=path).status_code in (201, 202)
            assert is_replayed(post(client_of(cast.ana), body, path=path)), path
        membership = Membership.objects.get(tenant=cast.acme, user=cast.ana)
        membership.role = Role.VIEWER
        membership.save()
        for code in ("missing_scope", "other_tenant"):
            for path, body in ways.items():
                refused = post(client_of(User.objects.get(pk=cast.ana.pk)), body, path=path)
                assert (refused.status_code, refused.json()["error"]["code"]) == (403, code), path
                assert job.name not in refused.content.decode()
            if membership.pk:
                membership.delete()

    def test_without_the_header_is_none(self, by_key: ApiClient) -> None:
        assert [by_key.send("POST", PATH, JOB | {"slug": slug}).status_code for slug in ("a", "b")] == [201, 201]
        assert not IdempotencyRecord.objects.exists()


class TestAnotherRequest:
    @pytest.mark.parametrize("body", [{**JOB, "name": "Other"}, {**JOB, "enabled": False}])
    def test_with_the_same_key_is_refused(self, by_key: ApiClient, body: Any) -> None:
        post(by_key)
        answer = post(by_key, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_reused")
        assert Job.objects.count() == 1

    def test_is_one_of_another_caller(self, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
        callers = [make_key()[1], make_key()[1], cast.ana, cast.gita, make_key(tenant=cast.globex)[1]]
        answers = [post(client_of(caller), {**JOB, "slug": f"n{n}"}) for n, caller in enumerate(callers)]
        assert [(answer.status_code, is_replayed(answer)) for answer in answers] == [(201, False)] * 5

    def test_is_one_to_another_path(self, by_key: ApiClient) -> None:
        post(by_key)
        answer = post(by_key, {"name": "Office"}, path="/api/v1/calendars")
        assert (answer.status_code, Calendar.objects.count()) == (201, 1)

    def test_is_one_for_another_tenant(self, cast: Cast, client_of: ClientOf) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.AUTHOR)
        ana = client_of(cast.ana)
        for tenant in ("acme", "globex"):
            assert post(ana, **{"X-Tenant": tenant}).status_code == 201
        assert sorted(Job.objects.values_list("tenant__slug", flat=True)) == ["acme", "globex"]
        assert is_replayed(post(ana, **{"X-Tenant": "globex"}))

    def test_of_a_superuser_needs_no_tenant(self, cast: Cast, client_of: ClientOf, job_of: MakeJob) -> None:
        path = f"{PATH}/{job_of().pk}/run"
        root = client_of(cast.root)
        assert [is_replayed(post(root, None, path=path)) for _ in range(2)] == [False, True]
        assert IdempotencyRecord.objects.get().tenant_id is None


class TestFailure:
    def test_is_not_stored(self, by_key: ApiClient) -> None:
        assert post(by_key, {**JOB, "template": "gone"}).status_code == 400
        assert not IdempotencyRecord.objects.exists()
        answer = post(by_key)
        assert (answer.status_code, is_replayed(answer)) == (201, False)

    def test_to_store_the_answer_undoes_the_creation(self, by_key: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> None:
            raise RuntimeError

        by_key.raise_request_exception = False
        with monkeypatch.context() as patched:
            patched.setattr(idempotency, "finish", fail)
            assert post(by_key).status_code == 500
        assert not Job.objects.exists()
        assert post(by_key).status_code == 201


class TestKey:
    @pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 201, "a\tb"])
    def test_that_is_none_is_refused(self, by_key: ApiClient, key: str) -> None:
        answer = post(by_key, key=key)
        assert answer.status_code == 400, answer.content
        assert set(answer.json()["error"]["fields"]) == {"Idempotency-Key"}
        assert not Job.objects.exists()

    @pytest.mark.parametrize("key", ["x" * 200, "'; DROP TABLE idempotency_store; --".replace(" ", "_"), '"quoted"'])
    def test_may_be_any_visible_text(self, by_key: ApiClient, key: str) -> None:
        assert [is_replayed(post(by_key, key=key)) for _ in range(2)] == [False, True]

    def test_is_free_again_after_a_day(self, by_key: ApiClient) -> None:
        post(by_key)
        record = IdempotencyRecord.objects.get()
        assert record.expires_at - record.created_at == timedelta(hours=24)
        IdempotencyRecord.objects.update(expires_at=F("expires_at") - timedelta(hours=24))
        answer = post(by_key, {**JOB, "name": "Other"})
        assert (answer.status_code, is_replayed(answer)) == (201, False)
        assert is_replayed(post(by_key, {**JOB, "name": "Other"}))
        assert IdempotencyRecord.objects.count() == 1

    def test_is_swept_away_when_it_has_expired(self, by_key: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(idempotency, "SWEPT", 2)
        for number in range(6):
            post(by_key, {**JOB, "slug": f"n{number}"}, key=str(number))
        IdempotencyRecord.objects.filter(key__lt="5").update(expires_at=F("created_at"))
        assert idempotency.sweep() == 5
        assert IdempotencyRecord.objects.get().key == "5"


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_one_is_carried_out_and_the_others_get_its_answer(self, make_key: MakeKey, client_of: ClientOf) -> None:
        text = make_key()[1]
        for round_ in range(5):
            start = threading.Barrier(8)

            def send(number: int, start: threading.Barrier = start, key: str = f"race-{round_}") -> Any:
                try:
                    start.wait()
                    return post(client_of(text), key=key)
                finally:
                    connection.close()

            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(send, range(8)))
            assert {answer.status_code for answer in answers} == {201}
            assert sum(not is_replayed(answer) for answer in answers) == 1
            assert len({answer.content for answer in answers}) == 1
            assert Job.objects.count() == round_ + 1
            Job.objects.filter(slug="greet").update(slug=f"greet-{round_}")

    def test_with_other_bodies_only_one_is_carried_out(self, make_key: MakeKey, client_of: ClientOf) -> None:
        text = make_key()[1]

        def send(number: int) -> int:
            try:
                return int(post(client_of(text), {**JOB, "slug": f"n{number}"}).status_code)
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            assert sorted(pool.map(send, range(6))) == [201, 409, 409, 409, 409, 409]
        assert Job.objects.count() == 1

    def test_a_first_one_that_takes_long_is_not_waited_for_without_end(
        self, make_key: MakeKey, client_of: ClientOf
    ) -> None:
        key, text = make_key()
        question = Question(key.tenant_id, f"key:{key.prefix}", "POST job-list", KEY, "0" * 64)

        def send() -> Any:
            try:
                return post(client_of(text))
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                assert idempotency.begin(question) is None
                answer = pool.submit(send).result(timeout=20)
                transaction.set_rollback(True)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "request_in_progress")
            assert answer.headers["Retry-After"] == "1"
            assert not Job.objects.exists()
            assert pool.submit(send).result(timeout=20).status_code == 201
