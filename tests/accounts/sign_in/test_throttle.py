"""How often signing in may fail, in the console and for tokens."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.test import Client

from accounts.audit.models import AuditEntry
from accounts.sign_in import local, throttle
from accounts.sign_in.throttle import TooManySignIns
from scheduler_project.lib import quick_redis
from scheduler_project.settings.environment import Environment
from tests.cast import ApiClient, Cast
from tests.services import NO_REDIS

pytestmark = pytest.mark.django_db

TOKEN = "/api/v1/token"
LOGIN = "/admin/login/"


@pytest.fixture(autouse=True)
def _nothing_failed(settings: Any) -> None:
    usual = Environment({})
    settings.DAYBOOK_SIGN_INS_PER_NAME = usual["DAYBOOK_SIGN_INS_PER_NAME"]
    settings.DAYBOOK_SIGN_INS_PER_ADDRESS = usual["DAYBOOK_SIGN_INS_PER_ADDRESS"]
    local.counts.forget()
    quick_redis.ask(_forget)


def _forget(redis: Any) -> None:
    for name in redis.scan_iter(f"{quick_redis.PREFIX}sign-ins:*"):
        redis.delete(name)


@pytest.fixture(params=["with Redis", "without Redis"])
def redis_or_not(request: pytest.FixtureRequest, settings: Any) -> str:
    if request.param == "without Redis":
        settings.CELERY_BROKER_URL = NO_REDIS
    return str(request.param)


def fail(name: str, address: str, times: int = 1) -> None:
    for _ in range(times):
        throttle.begin(name, address)


def ask_token(name: str, password: str, address: str = "192.0.2.1", **more: Any) -> Any:
    body = {"username": name, "password": password, **more}
    return ApiClient(REMOTE_ADDR=address).send("POST", TOKEN, body)


class TestLimits:
    def test_hold_for_a_name_whoever_tries(self, redis_or_not: str) -> None:
        for number in range(10):
            fail("ana", f"192.0.2.{number}")
        for spelling in ("ana", "ANA", "\uff41na"):
            with pytest.raises(TooManySignIns) as refusal:
                throttle.begin(spelling, "192.0.2.99")
            assert 3_500 < refusal.value.wait <= 3_601
        fail("olaf", "192.0.2.99")

    def test_hold_for_an_address_whatever_the_name(self, redis_or_not: str) -> None:
        for number in range(20):
            fail(f"name {number}", "2001:db8:1:2::1")
        for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"):
            with pytest.raises(TooManySignIns):
                throttle.begin("somebody", address)
        fail("somebody", "2001:db8:1:3::1")

    def test_count_no_attempt_that_succeeded(self, redis_or_not: str) -> None:
        for _ in range(30):
            throttle.succeed(throttle.begin("ana", "192.0.2.1"))
        fail("ana", "192.0.2.1", 10)

    def test_say_once_that_they_are_reached(self, redis_or_not: str) -> None:
        fail("ana", "192.0.2.1", 10)
        said = []
        for _ in range(3):
            with pytest.raises(TooManySignIns) as refusal:
                throttle.begin("ana", "192.0.2.1")
            said.append(refusal.value.is_first)
        assert said == [True, False, False]

    def test_let_nobody_be_locked_out_where_they_usually_sign_in(self) -> None:
        throttle.succeed(throttle.begin("ana", "192.0.2.1"))
        fail("ana", "198.51.100.7", 10)
        with pytest.raises(TooManySignIns):
            throttle.begin("ana", "198.51.100.7")
        throttle.begin("ana", "192.0.2.1")

    def test_hold_for_many_at_once(self) -> None:
        let_through = []

        def attempt() -> None:
            try:
                throttle.begin("ana", "192.0.2.1")
                let_through.append(1)
            except TooManySignIns:
                pass

        threads = [threading.Thread(target=attempt) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(let_through) == 10

    def test_keep_no_name_in_redis_that_somebody_typed(self) -> None:
        fail("hunter2, my password", "192.0.2.1")
        names = quick_redis.ask(lambda redis: list(redis.scan_iter("*sign-ins*")))
        assert names
        assert not any(b"hunter2" in name for name in names)
        assert all(0 < quick_redis.ask(lambda redis, name=name: redis.ttl(name)) <= 3_600 for name in names)

    def test_are_bounded_in_number_without_redis(self) -> None:
        counts = local.Counts()
        for number in range(local.MOST + 5):
            counts.begin([f"place {number}"], 3_600)
        assert len(counts._counts) == local.MOST


class TestTokens:
    def test_are_refused_with_one_answer_whoever_it_is(self, cast: Cast) -> None:
        User.objects.create_user("off", password="right", is_active=False)
        answers = [ask_token(*who) for who in (("ana", "wrong"), ("nobody", "wrong"), ("off", "right"))]
        for answer in answers:
            error = {**answer.json()["error"], "request_id": ""}
            assert (answer.status_code, error["code"]) == (401, "authentication_failed")
            assert error == {**answers[0].json()["error"], "request_id": ""}
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_are_refused_even_to_the_right_password_beyond_the_limit(self, cast: Cast) -> None:
        for _ in range(10):
            assert ask_token("ana", "wrong").status_code == 401
        for password in ("wrong", "ana"):
            answer = ask_token("ana", password)
            assert (answer.status_code, answer.json()["error"]["code"]) == (429, "sign_ins_limited")
            assert 3_500 < int(answer.headers["Retry-After"]) <= 3_600
        assert ask_token("olaf", "olaf").status_code == 200

    def test_are_counted_by_what_a_trusted_proxy_says(self, cast: Cast, settings: Any) -> None:
        settings.DAYBOOK_SIGN_INS_PER_ADDRESS = 1
        spoofed = [
            ApiClient(REMOTE_ADDR="192.0.2.1").send(
                "POST", TOKEN, {"username": f"n{number}", "password": "x"}, **{"X-Forwarded-For": f"203.0.113.{number}"}
            )
            for number in range(2)
        ]
        assert [answer.status_code for answer in spoofed] == [401, 429]
        settings.DAYBOOK_TRUSTED_PROXIES = ["192.0.2.0/24"]
        behind = [
            ApiClient(REMOTE_ADDR="192.0.2.1").send(
                "POST", TOKEN, {"username": f"n{number}", "password": "x"}, **{"X-Forwarded-For": f"203.0.113.{number}"}
            )
            for number in range(2)
        ]
        assert [answer.status_code for answer in behind] == [401, 401]


class TestConsole:
    def test_counts_together_with_tokens_and_answers_with_a_page(self, cast: Cast) -> None:
        client = Client(REMOTE_ADDR="192.0.2.1")
        for _ in range(5):
            assert ask_token("root", "wrong").status_code == 401
            assert client.post(LOGIN, {"username": "root", "password": "wrong"}).status_code == 200
        answer = client.post(LOGIN, {"username": "root", "password": "root"})
        assert answer.status_code == 429
        assert 3_500 < int(answer.headers["Retry-After"]) <= 3_600
        page = answer.content.decode()
        assert "Too many sign-ins have failed. Try again in 60 minutes." in page
        assert "_auth_user_id" not in client.session
        assert client.get(LOGIN).status_code == 200

    def test_lets_in_who_is_right(self, cast: Cast) -> None:
        client = Client(REMOTE_ADDR="192.0.2.1")
        assert client.post(LOGIN, {"username": "root", "password": "root"}).status_code == 302
        assert client.session["_auth_user_id"] == str(cast.root.pk)

    def test_does_not_count_what_comes_without_a_request(self, cast: Cast) -> None:
        for _ in range(12):
            assert not Client().login(username="root", password="wrong")
        assert Client().login(username="root", password="root")


class TestTrail:
    def test_has_who_signed_in_and_who_failed_to(self, cast: Cast) -> None:
        client = Client(REMOTE_ADDR="192.0.2.1")
        client.post(LOGIN, {"username": "root", "password": "root"})
        client.post("/admin/logout/")
        ask_token("ana", "wrong", "192.0.2.2")
        ask_token("ana", "ana", "192.0.2.2", scopes=["scheduler:read"])
        found = list(
            AuditEntry.objects.filter(target__in=("user", "sign_in"))
            .order_by("id")
            .values_list("action", "actor", "target_name", "outcome", "address")
        )
        assert [(action, actor, name, outcome) for action, actor, name, outcome, _ in found] == [
            ("sign_in.done", "user:root", "root", "done"),
            ("sign_in.ended", "user:root", "root", "done"),
            ("sign_in.failed", "anonymous", "ana", "failed"),
            ("token.issued", "user:ana", "", "done"),
        ]
        assert [str(address) for *_, address in found] == ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"]

    def test_has_the_first_refusal_of_an_hour_only(self, cast: Cast, settings: Any) -> None:
        settings.DAYBOOK_SIGN_INS_PER_NAME = 1
        for _ in range(4):
            ask_token("ana", "wrong")
        actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
        assert actions == ["sign_in.failed", "sign_in.refused"]

    def test_never_has_a_password(self, cast: Cast) -> None:
        ask_token("ana", "correct horse battery")
        rows = str(list(AuditEntry.objects.values_list()))
        assert "sign_in.failed" in rows
        assert "horse" not in rows


class TestTime:
    def test_is_spent_on_a_password_whether_there_is_such_a_user_or_not(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Checking a password is what takes time; it is done as often for every kind of failure."""
        User.objects.create_user("off", password="right", is_active=False)
        checked: list[str] = []
        encode = MD5PasswordHasher.encode
        monkeypatch.setattr(
            MD5PasswordHasher,
            "encode",
            lambda self, password, *more, **values: checked.append(password) or encode(self, password, *more, **values),
        )
        for name, password in (("ana", "wrong"), ("nobody", "wrong"), ("off", "right")):
            checked.clear()
            assert ask_token(name, password).status_code == 401
            assert checked == [password], name
