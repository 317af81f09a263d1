"""ETags and the conditions of requests: nobody loses an edit, and nobody reads again what has not changed."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.urls import reverse

from jobs import registry
from jobs.models import Job
from tests.cast import ApiClient, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob, untouched
from tests.jobs.api.test_scope_matrix import Stage

EDITS: dict[str, tuple[str, Any, Any]] = {
    "job-detail": ("PATCH", {"description": "mine"}, {"description": "theirs"}),
    "calendar-detail": ("PATCH", {"weekdays": [0]}, {"weekdays": [1]}),
    "pool-detail": ("PATCH", {"size": 5}, {"size": 6}),
    "event-hook-detail": ("PATCH", {"enabled": False}, {"enabled": True}),
    "webhook-detail": ("PATCH", {"enabled": False}, {"enabled": True}),
    "channel-detail": ("PATCH", {"enabled": False}, {"enabled": True}),
    "dependency-detail": ("PATCH", {"condition": "always"}, {"condition": "failure"}),
    "execution-detail": ("PATCH", {"priority": "high"}, {"priority": "low"}),
}
MALFORMED = ['"', "12", '"a" "b"', 'w/"a"', '"a",,x', 'W/"', '*, "a"', '"ü"', "", ", ", ",".join(['"a"'] * 60)]


@pytest.mark.django_db
class TestVersions:
    def test_an_edit_of_what_somebody_else_has_edited_is_refused(
        self, job_of: MakeJob, run_of: RunJob, by_key: ApiClient
    ) -> None:
        job = job_of()
        stage = Stage(job, run_of(job))
        for name, (method, mine, theirs) in EDITS.items():
            path = stage.path(name)
            read = by_key.get(path)
            tag = read.headers["ETag"]
            assert by_key.get(path).headers["ETag"].partition(".")[0] == tag.partition(".")[0], name
            changed = by_key.send(method, path, theirs, **{"If-Match": tag})
            assert changed.status_code == 200, (name, changed.content)
            assert changed.headers["ETag"] != tag, name
            with untouched():
                refused = by_key.send(method, path, mine, **{"If-Match": tag})
            assert (refused.status_code, refused.json()["error"]["code"]) == (412, "precondition_failed"), name
            assert refused.json()["error"]["message"].endswith("read it again."), name
            again = by_key.get(path)
            assert again.headers["ETag"].partition(".")[0] == changed.headers["ETag"].partition(".")[0], name
            assert by_key.send(method, path, mine, **{"If-Match": f'"x", {again.headers["ETag"]}'}).status_code == 200
            if name != "execution-detail":
                with untouched():
                    assert by_key.send("DELETE", path, **{"If-Match": tag}).status_code == 412, name

    def test_both_ways_of_saying_it_use_the_same_words(self, job_of: MakeJob, by_key: ApiClient) -> None:
        job = job_of()
        path = reverse("job-detail", args=[job.pk])
        registry.change(job.pk, {"description": "x"}, actor="user:ana")
        by_header = by_key.send("PATCH", path, {"description": "y"}, **{"If-Match": '"1.abc"'})
        by_field = by_key.send("PATCH", path, {"description": "y", "expected_revision": 1})
        assert by_header.json()["error"]["message"] == by_field.json()["error"]["message"]
        assert (by_header.status_code, by_field.status_code) == (412, 409)

    def test_progress_of_a_job_is_no_edit_but_is_news(self, job_of: MakeJob, by_key: ApiClient) -> None:
        job = job_of()
        path = reverse("job-detail", args=[job.pk])
        tag = by_key.get(path).headers["ETag"]
        assert by_key.get(path, headers={"If-None-Match": tag}).status_code == 304
        Job.objects.filter(pk=job.pk).update(last_status="failed")
        news = by_key.get(path, headers={"If-None-Match": tag})
        assert (news.status_code, news.json()["last_status"]) == (200, "failed")
        assert by_key.send("PATCH", path, {"description": "y"}, **{"If-Match": tag}).status_code == 200

    def test_what_is_known_is_not_sent_again(self, job_of: MakeJob, by_key: ApiClient) -> None:
        path = reverse("job-detail", args=[job_of().pk])
        tag = by_key.get(path).headers["ETag"]
        for known in (tag, f"W/{tag}", f'"other" , {tag}', "*"):
            answer = by_key.get(path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag), known
        assert by_key.head(path, headers={"If-None-Match": tag}).status_code == 304
        assert by_key.get(path, headers={"If-None-Match": '"other"'}).status_code == 200

    def test_any_version_is_fine_with_a_star(self, job_of: MakeJob, by_key: ApiClient) -> None:
        path = reverse("job-detail", args=[job_of().pk])
        assert by_key.send("PATCH", path, {"description": "y"}, **{"If-Match": "*"}).status_code == 200
        with untouched():
            refused = by_key.send("PATCH", path, {"description": "z"}, **{"If-None-Match": "*"})
        assert refused.status_code == 412
        missing = by_key.send("PATCH", reverse("job-detail", args=[10**17]), {}, **{"If-Match": "*"})
        assert missing.status_code == 404

    def test_a_weak_tag_is_no_match_for_an_edit(self, job_of: MakeJob, by_key: ApiClient) -> None:
        path = reverse("job-detail", args=[job_of().pk])
        tag = by_key.get(path).headers["ETag"]
        refused = by_key.send("PATCH", path, {"description": "z"}, **{"If-Match": f"W/{tag}"})
        assert refused.status_code == 412
        assert "strong" in refused.json()["error"]["message"]

    def test_what_is_no_list_of_tags_is_refused(self, job_of: MakeJob, by_key: ApiClient) -> None:
        path = reverse("job-detail", args=[job_of().pk])
        for text in MALFORMED:
            with untouched():
                change = by_key.send("PATCH", path, {"description": "z"}, **{"If-Match": text})
            read = by_key.get(path, headers={"If-None-Match": text})
            for answer, header in ((change, "If-Match"), (read, "If-None-Match")):
                assert answer.status_code == 400, (text, answer.status_code)
                assert list(answer.json()["error"]["fields"]) == [header], text

    @override_settings(DAYBOOK_REQUIRE_IF_MATCH=True)
    def test_an_installation_can_insist_on_it(self, job_of: MakeJob, by_key: ApiClient) -> None:
        path = reverse("job-detail", args=[job_of().pk])
        with untouched():
            answer = by_key.send("PATCH", path, {"description": "z"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (428, "precondition_required")
        for body, headers in (({"description": "z", "expected_revision": 1}, {}), ({}, {"If-Match": "*"})):
            assert by_key.send("PATCH", path, body, **headers).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_two_edits_at_once_exactly_one_gets_through(job_of: MakeJob, make_key: MakeKey, client_of: ClientOf) -> None:
    path = reverse("job-detail", args=[job_of().pk])
    text = make_key()[1]
    tag = client_of(text).get(path).headers["ETag"]
    start = threading.Barrier(4)
    codes: list[int] = []

    def edit(number: int) -> None:
        client = client_of(text)
        start.wait(10)
        body = json.dumps({"description": f"by {number}"})
        answer = client.patch(path, body, "application/json", headers={"If-Match": tag})
        codes.append(answer.status_code)
        connection.close()

    threads = [threading.Thread(target=edit, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(codes) == [200, 412, 412, 412]
    assert Job.objects.get().revision == 2
