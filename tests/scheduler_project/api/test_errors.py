"""One form for every error under /api/, whoever raised it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db.utils import OperationalError
from django.test import RequestFactory, override_settings
from rest_framework import exceptions

from jobs import queries
from scheduler_project.api import errors
from scheduler_project.api.errors import flatten
from tests.cast import ApiClient, Cast, ClientOf, MakeKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client_of: ClientOf, make_key: MakeKey) -> ApiClient:
    return client_of(make_key()[1])


def error_of(answer: Any) -> dict[str, Any]:
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "fields", "request_id"}
    assert error["message"]
    assert error["request_id"] == answer.headers["X-Request-ID"]
    return error


class TestErrorsOfRequests:
    @pytest.mark.parametrize(
        ("method", "path", "headers", "status", "code"),
        [
            ("GET", "/api/v1/nothing", {}, 404, "not_found"),
            ("GET", "/api/", {}, 404, "not_found"),
            ("GET", "/api/v2/jobs", {}, 404, "not_found"),
            ("POST", "/api/v1/nothing", {}, 404, "not_found"),
            ("DELETE", "/api/v1/jobs", {}, 405, "method_not_allowed"),
            ("OPTIONS", "/api/v1/jobs", {}, 405, "method_not_allowed"),
            ("TRACE", "/api/v1/jobs", {}, 405, "method_not_allowed"),
            ("GET", "/api/v1/jobs", {"Accept": "text/csv"}, 406, "not_acceptable"),
            ("GET", "/api/v1/jobs?limit=none", {}, 400, "invalid"),
            ("GET", "/api/v1/jobs", {"Host": "no host"}, 400, "malformed"),
        ],
    )
    def test_have_one_form(
        self, client: ApiClient, method: str, path: str, headers: dict[str, str], status: int, code: str
    ) -> None:
        answer = client.send(method, path, **headers)
        assert answer.status_code == status
        assert error_of(answer)["code"] == code

    def test_name_the_media_type_that_is_right(self, client: ApiClient) -> None:
        answer = client.generic("POST", "/api/v1/jobs", "x=1", "application/x-www-form-urlencoded")
        assert answer.status_code == 415
        error = error_of(answer)
        assert error["code"] == "unsupported_media_type"
        assert "Content-Type: application/json" in error["message"]

    def test_carry_the_callers_own_request_id(self, client: ApiClient) -> None:
        answer = client.send("GET", "/api/v1/nothing", **{"X-Request-ID": "mine-0001"})
        assert error_of(answer)["request_id"] == "mine-0001"

    def test_say_which_methods_there_are(self, client: ApiClient) -> None:
        answer = client.send("DELETE", "/api/v1/jobs")
        assert answer.headers["Allow"] == "GET, POST, HEAD"
        assert error_of(answer)["message"] == "This path takes GET, POST, HEAD only."

    def test_say_what_would_be_right(self, client: ApiClient, client_of: ClientOf, make_key: MakeKey) -> None:
        nobody = error_of(ApiClient().get("/api/v1/jobs"))
        assert "Authorization: Bearer" in nobody["message"]
        narrow = error_of(client_of(make_key("scheduler:read")[1]).send("POST", "/api/v1/jobs", {}))
        assert "created with scheduler:write" in narrow["message"]
        assert "POST /api/v1/keys" in narrow["message"]
        wrong = error_of(client.get("/api/v1/executions?job=nightly&longer_than=1m"))
        assert wrong["fields"] == {"job": ["Write a whole number."], "longer_than": ["Write a number."]}
        assert error_of(client.get("/api/v1/jobs?enabled=5"))["fields"] == {"enabled": ["Write true or false."]}
        for path in ("jobs", "keys", "tasks"):
            assert error_of(client.send("POST", f"/api/v1/{path}", []))["fields"] == {"": ["Write a JSON object."]}

    def test_look_the_same_in_debug(self, client: ApiClient) -> None:
        with override_settings(DEBUG=True):
            assert error_of(client.get("/api/v1/nothing"))["code"] == "not_found"

    def test_never_end_in_a_csrf_page(self, cast: Cast) -> None:
        browser = ApiClient(enforce_csrf_checks=True)
        browser.force_login(cast.ana)
        assert browser.send("POST", "/api/v1/nothing", {}).status_code == 404

    def test_are_pages_elsewhere(self, client: ApiClient) -> None:
        answer = client.get("/nothing")
        assert answer.status_code == 404
        assert answer.headers["Content-Type"].startswith("text/html")


class TestErrorsNobodyExpected:
    @pytest.fixture
    def quiet(self, client: ApiClient) -> ApiClient:
        client.raise_request_exception = False
        return client

    def break_it(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr(queries, "scheduler_status", fail)

    def test_tell_the_caller_nothing_and_the_log_everything(
        self, quiet: ApiClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.break_it(monkeypatch, ZeroDivisionError("the password is 1234"))
        with caplog.at_level(logging.ERROR, "django.request"):
            answer = quiet.get("/api/v1/scheduler/status")
        assert (answer.status_code, error_of(answer)["code"]) == (500, "internal_error")
        assert b"1234" not in answer.content
        assert "the password is 1234" in caplog.text

    def test_look_the_same_in_debug(self, quiet: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
        self.break_it(monkeypatch, ZeroDivisionError())
        with override_settings(DEBUG=True):
            assert error_of(quiet.get("/api/v1/scheduler/status"))["code"] == "internal_error"

    def test_of_the_database_ask_to_try_again(self, quiet: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
        self.break_it(monkeypatch, OperationalError("canceling statement due to lock timeout"))
        answer = quiet.get("/api/v1/scheduler/status")
        assert (answer.status_code, error_of(answer)["code"]) == (503, "unavailable")
        assert answer.headers["Retry-After"] == "2"


class TestDjangosOwnPages:
    @pytest.mark.parametrize(
        ("view", "arguments", "status", "code"),
        [
            (errors.bad_request, (SuspiciousOperation(),), 400, "malformed"),
            (errors.bad_request, (RequestDataTooBig(),), 413, "too_large"),
            (errors.permission_denied, (PermissionDenied("Not you."),), 403, "permission_denied"),
            (errors.page_not_found, (Exception(),), 404, "not_found"),
            (errors.server_error, (), 500, "internal_error"),
        ],
    )
    def test_have_the_form_under_api_only(self, view: Any, arguments: tuple[Any, ...], status: int, code: str) -> None:
        answer = view(RequestFactory().get("/api/v1/jobs"), *arguments)
        assert answer.status_code == status
        assert f'"code": "{code}"'.encode() in answer.content
        elsewhere = view(RequestFactory().get("/admin/"), *arguments)
        assert elsewhere.headers["Content-Type"].startswith("text/html")


class TestFlatten:
    @pytest.mark.parametrize(
        ("detail", "fields"),
        [
            (["Whole."], {"": ["Whole."]}),
            ({"name": ["Short."]}, {"name": ["Short."]}),
            (
                {"schedule": {"cron": ["Wrong."], "kind": ["Unknown."]}},
                {"schedule.cron": ["Wrong."], "schedule.kind": ["Unknown."]},
            ),
            ({"tags": [{}, {"text": ["Long."]}]}, {"tags[1].text": ["Long."]}),
            ({"non_field_errors": ["Both."]}, {"": ["Both."]}),
            ({"schedule": {"non_field_errors": ["Both."]}}, {"schedule": ["Both."]}),
            ({"name": "Short."}, {"name": ["Short."]}),
        ],
    )
    def test_gives_messages_by_path(self, detail: Any, fields: dict[str, list[str]]) -> None:
        assert flatten(exceptions.ValidationError(detail).detail) == fields


def test_a_throttled_caller_is_told_how_long_to_wait() -> None:
    problem = errors.as_problem(exceptions.Throttled(wait=12.4))
    assert (problem.status, problem.code, problem.headers) == (429, "rate_limited", {"Retry-After": "13"})
