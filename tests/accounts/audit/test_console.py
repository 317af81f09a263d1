"""The trail in the console: listed, narrowed to a row, read as a difference, sampled, exported; by tenant."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from accounts.audit import record
from accounts.models import AuditEntry, Membership
from accounts.scopes import Role
from scheduler_project.lib import sql
from tests.cast import Cast, ClientOf
from tests.jobs.api.conftest import job_of as job_of

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/auditentry/"


@pytest.fixture
def ada(cast: Cast) -> User:
    """An administrator of acme."""
    ada = User.objects.create_user("ada", is_staff=True)
    Membership.objects.create(tenant=cast.acme, user=ada, role=Role.ADMIN)
    return ada


@pytest.fixture
def entry(cast: Cast) -> AuditEntry:
    facts = {"target": "job", "target_id": 7, "target_name": "<b>Nightly</b>"}
    before, after = {"tags": [], "priority": "low"}, {"tags": ["a"], "priority": "high"}
    record("job.changed", actor="user:ana", tenant_id=cast.acme.pk, before=before, after=after, **facts)
    record("job.changed", actor="user:gita", tenant_id=cast.globex.pk, target="job", target_id=8)
    record("maintenance.started", actor="user:root", tenant_id=None, target="maintenance")
    return AuditEntry.objects.get(target_id="7")


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return (answer.getvalue() if answer.streaming else answer.content).decode()


class TestTrail:
    def test_lists_what_the_tenants_administrator_may_see(
        self, ada: User, entry: AuditEntry, client_of: ClientOf
    ) -> None:
        page = text_of(client_of(ada).get(LIST))
        assert "user:ana" in page
        assert "&lt;b&gt;Nightly" in page
        assert "user:gita" not in page
        assert "maintenance.started" not in page
        assert "Nothing is sealed yet" in page
        assert "<h1>Audit trail</h1>" in page

    def test_tells_how_far_it_is_sealed(self, cast: Cast, client_of: ClientOf) -> None:
        sql.rows(
            "INSERT INTO audit_seals VALUES (1, 'entries', '2026-11-01', 1, 1, 1, 1, 1, 0, '', '', '\\xab', now())"
        )
        assert "1 seal, the newest of" in text_of(client_of(cast.root).get(LIST))

    def test_is_closed_to_others(self, cast: Cast, entry: AuditEntry, client_of: ClientOf) -> None:
        User.objects.filter(pk=cast.ana.pk).update(is_staff=True)
        for name in ("", "sample/", "export/", f"{entry.pk}/change/"):
            assert client_of(cast.ana).get(f"{LIST}{name}").status_code == 403, name

    def test_shows_an_entry_as_a_difference(self, ada: User, entry: AuditEntry, client_of: ClientOf) -> None:
        page = text_of(client_of(ada).get(f"{LIST}{entry.pk}/change/"))
        assert "priority" in page
        assert "high" in page
        foreign = AuditEntry.objects.get(target_id="8")
        assert client_of(ada).get(f"{LIST}{foreign.pk}/change/").status_code == 403

    def test_draws_a_sample_and_exports_what_is_listed(self, ada: User, entry: AuditEntry, client_of: ClientOf) -> None:
        assert "&lt;b&gt;Nightly" in text_of(client_of(ada).get(f"{LIST}sample/"))
        rows = text_of(client_of(ada).get(f"{LIST}export/?target=job&target_id=7")).splitlines()
        assert len(rows) == 2
        assert "user:ana" in rows[1]
        assert len(text_of(client_of(ada).get(f"{LIST}export/?target_id=8&format=jsonl")).splitlines()) == 0

    def test_exports_and_samples_what_filters_and_search_leave(
        self, ada: User, cast: Cast, entry: AuditEntry, client_of: ClientOf
    ) -> None:
        where: dict[str, Any] = {"tenant_id": cast.acme.pk, "target": "job", "target_id": 9}
        record("request.denied", actor="key:1a2b3c4d", outcome="refused", note="missing scope", **where)
        client = client_of(ada)
        for query in ("outcome__exact=refused", "q=missing", "q=key:1a2b3c4d", "q=request.denied"):
            for page in ("", "sample/", "export/"):
                text = text_of(client.get(f"{LIST}{page}?{query}"))
                assert "key:1a2b3c4d" in text, (query, page)
                assert "user:ana" not in text, (query, page)

    def test_is_linked_from_a_job(self, ada: User, cast: Cast, client_of: ClientOf, job_of: Any) -> None:
        job = job_of()
        page = text_of(client_of(ada).get(f"{reverse('admin:jobs_job_page', args=[job.pk])}?tab=versions"))
        link = f"{LIST}?target=job&amp;target_id={job.pk}"
        assert link in page
        assert "job.created" in text_of(client_of(ada).get(link.replace("&amp;", "&")))


class TestRequests:
    def test_are_listed(self, cast: Cast, client_of: ClientOf) -> None:
        sql.rows(
            "INSERT INTO api_requests (number, at, method, path, status, milliseconds, principal) "
            "VALUES (gen_random_uuid(), now(), 'GET', '/api/v1/jobs', 200, 12, 'key:1a2b3c4d')"
        )
        for query, is_shown in (
            ("", True),
            ("?method=GET&answer=good", True),
            ("?q=key:1a2b3c4d", True),
            ("?method=POST", False),
            ("?answer=denied", False),
            ("?answer=failed", False),
        ):
            page = text_of(client_of(cast.root).get(f"/admin/accounts/apirequest/{query}"))
            assert ("/api/v1/jobs</td>" in page) == is_shown, query
