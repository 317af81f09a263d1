"""Bodies that are broken, huge, deep or strange. Each is refused in the one form of errors and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.models import Job
from tests.cast import ApiClient
from tests.jobs.api.conftest import JOB, MakeJob, untouched

pytestmark = pytest.mark.django_db

PATH = "/api/v1/jobs"

DEEP = "[" * 100_000 + "]" * 100_000
BROKEN: dict[str, tuple[bytes, int]] = {
    "nothing": (b" ", 400),
    "half an object": (b'{"name": "x"', 400),
    "two objects": (b"{}{}", 400),
    "a name twice": (b'{"name": "a", "name": "b"}', 400),
    "no UTF-8": (b'{"name": "\xff\xfe"}', 400),
    "UTF-16": ('{"name": "x"}'.encode("utf-16"), 400),
    "not a number": (b'{"name": NaN}', 400),
    "infinity": (b'{"parameters": {"x": -Infinity}}', 400),
    "a number beyond all bounds": (b'{"parameters": {"x": 1e999}}', 400),
    "a whole number without end": (b'{"parameters": {"x": ' + b"9" * 5_000 + b"}}", 400),
    "deep": (DEEP.encode(), 400),
    "deeper than needed": (json.dumps({"parameters": json.loads("[" * 60 + "]" * 60)}).encode(), 400),
    "NUL": (json.dumps({**JOB, "name": "a\x00b"}).encode(), 400),
    "NUL in a parameter": (json.dumps({**JOB, "parameters": {"text": "a\x00b"}}).encode(), 400),
    "NUL in a name": (json.dumps({**JOB, "parameters": {"a\x00b": 1}}).encode(), 400),
    "half a character": (b'{"name": "\\ud800"}', 400),
    "a raw control character": (b'{"name": "a\x01b"}', 400),
    "huge": (json.dumps({**JOB, "description": "x" * 1_000_001}).encode(), 413),
    "too many values": (json.dumps({"parameters": {"x": [[[]] * 10_000, [[]] * 10_000]}}).encode(), 413),
    "too many items": (json.dumps({"tags": [0] * 10_001}).encode(), 400),
    "too many names": (json.dumps({"parameters": dict.fromkeys(map(str, range(2_001)), 0)}).encode(), 400),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_broken_body_is_refused(by_key: ApiClient, job_of: MakeJob, method: str, what: str) -> None:
    path = PATH if method == "POST" else f"{PATH}/{job_of().pk}"
    body, status = BROKEN[what]
    with untouched():
        answer = by_key.generic(method, path, body, "application/json")
    assert answer.status_code == status, answer.content
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "fields", "request_id"}
    assert error["code"] in ("malformed", "invalid", "too_large")


def test_what_is_too_large_is_told_with_its_bound(by_key: ApiClient) -> None:
    def refusal(method: str, path: str, **request: Any) -> tuple[int, str, str]:
        answer = by_key.generic(method, path, content_type="application/json", **request)
        error = answer.json()["error"]
        assert set(error) == {"code", "message", "fields", "request_id"}
        return answer.status_code, error["code"], error["message"]

    with untouched():
        values = json.dumps({"parameters": {"x": [[[]] * 10_000, [[]] * 10_000]}})
        message = "The body has more than 20000 values. Send it in parts."
        assert refusal("POST", PATH, data=values) == (413, "too_large", message)
        names = {"parameters": dict.fromkeys(map(str, range(2_001)), 0)}
        fields = by_key.send("POST", PATH, names).json()["error"]["fields"]
        assert fields == {"parameters": ["There are 2001 names here; 2000 are the most. Send them in parts."]}
        announced = refusal("POST", PATH, data="{}", headers={"Content-Length": "10000000"})
        assert announced == (
            413,
            "too_large",
            "The body is larger than 1000000 bytes. Send less, or in several requests.",
        )
        assert refusal("GET", f"{PATH}?search={'x' * 9_000}")[:2] == (414, "uri_too_long")
        assert refusal("GET", f"{PATH}/{'1' * 3_000}")[:2] == (414, "uri_too_long")
        assert refusal("GET", PATH, headers={"X-Note": "x" * 9_000})[:2] == (431, "headers_too_large")
        many = {f"X-Note-{number}": "x" * 8_000 for number in range(5)}
        assert refusal("GET", PATH, headers=many)[:2] == (431, "headers_too_large")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ({"name": "a\x00b"}, "name"),
        ({"parameters": {"list": ["fine", "\x00"]}}, "parameters.list[1]"),
        ({"tags": ["\ud83d"]}, "tags[0]"),
    ],
)
def test_text_that_cannot_be_stored_is_named_by_its_path(by_key: ApiClient, text: Any, path: str) -> None:
    answer = by_key.generic("POST", PATH, json.dumps({**JOB, **text}), "application/json")
    assert set(answer.json()["error"]["fields"]) == {path}


WRONG_VALUES: list[tuple[str, str, list[Any]]] = [
    *[(field, "", [7, None, [], {}, True, ""]) for field in ("name", "template", "queue", "priority")],
    ("description", "", [7, None, [], {}, True]),
    *[(field, "", [7, None, [], "x", True]) for field in ("parameters", "policies", "schedule")],
    ("tags", "", [7, None, {}, "x", [7], [None], [[]], ["x" * 51], ["a"] * 21]),
    ("template_version", "", ["1", 1.5, True, 0, -1, 10**30]),
    ("slug", "", [7, None, [], "Upper", "ä", "-a", "a" * 101, "a b", "a/b", "a\n"]),
    ("schedule", "cron", [7, None, [], "* * * *", "x" * 200, "61 * * * *"]),
    ("schedule", "every_seconds", ["60", 0, -1, 1.5, None, 10**30]),
    ("schedule", "at", [7, "tomorrow", "2026-01-01", "9999-01-01T00:00:00Z"]),
    ("policies", "timeout_seconds", ["60", 0, -1, None, 10**30, True, 1.5]),
    ("policies", "retry_base_seconds", ["1", -0.1, None, 1e300]),
    *[("policies", name, [1]) for name in ("__class__", "a" * 10_000, "🙂")],
    *[("parameters", name, [1]) for name in ("__proto__", "a" * 10_000, "🙂", "a.b", "a[0]")],
]
KINDS = {"cron": "cron", "every_seconds": "interval", "at": "once"}


def wrong() -> Iterator[tuple[str, Any]]:
    for field, name, values in WRONG_VALUES:
        for value in values:
            kind = {"kind": KINDS[name]} if field == "schedule" and name else {}
            yield field, {**kind, name: value} if name else value


@pytest.mark.parametrize(("field", "value"), list(wrong()), ids=repr)
def test_a_wrong_type_or_value_is_named(by_key: ApiClient, job_of: MakeJob, field: str, value: Any) -> None:
    job = job_of()
    for method, path, body in (
        ("POST", PATH, {**JOB, field: value}),
        ("PATCH", f"{PATH}/{job.pk}", {field: value}),
    ):
        with untouched():
            answer = by_key.send(method, path, body)
        assert answer.status_code == 400, (method, answer.content)
        fields = answer.json()["error"]["fields"]
        assert fields, (method, answer.content)
        assert all(path == field or path.startswith((f"{field}.", f"{field}[")) for path in fields), fields


@pytest.mark.parametrize(
    "name",
    ["Ünïcödé ✓", "日本語のジョブ", "👩‍🚀 launch", "می‌خواهم", "<script>alert(1)</script>", "'; DROP TABLE x; --"],
)
def test_text_in_any_script_comes_back_as_it_was(by_key: ApiClient, name: str) -> None:
    body = {**JOB, "name": name, "slug": "any", "description": name, "parameters": {"text": name}, "tags": ["ümläut"]}
    made = by_key.send("POST", PATH, body)
    assert made.status_code == 201, made.content
    read = by_key.get(f"{PATH}/{made.json()['id']}").json()
    assert (read["name"], read["description"], read["parameters"]["text"]) == (name, name, name)
    assert Job.objects.get().name == name


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_other_media_types_are_refused(by_key: ApiClient, content_type: str) -> None:
    with untouched():
        answer = by_key.generic("POST", PATH, json.dumps(JOB), content_type)
    assert answer.status_code in (400, 415)
    assert answer.json()["error"]["code"] in ("unsupported_media_type", "malformed")


@pytest.mark.parametrize(
    "path", ["/api/v1/jobs/1;DROP", "/api/v1/jobs/-1", "/api/v1/jobs/1.0", "/api/v1/jobs/%00", "/api/v1/jobs/٣"]
)
def test_a_path_that_is_no_path_of_ours_is_not_found(by_key: ApiClient, path: str) -> None:
    answer = by_key.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
