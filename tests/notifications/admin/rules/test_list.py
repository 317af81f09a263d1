"""The list of rules: who sees whose, and what a line says."""

from __future__ import annotations

import pytest
from django.urls import reverse

from notifications.admin.rules import list_page
from notifications.rulebook import changes
from notifications.rulebook.changes import Editor
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser

RULES = reverse("admin:notification_rules")


class TestList:
    def test_begins_with_the_default_of_each_tenant_that_the_viewer_sees(
        self, cast: Cast, as_vera: Browser, as_root: Browser
    ) -> None:
        data = {"name": "Nights", "kinds": ["failed"], "in_row": 3, "users": ["olaf"], "tag": "night"}
        changes.create(data, tenant=cast.acme, by=Editor("user:ana"))
        seen = as_vera.text(RULES)
        assert seen.index("Owners hear of failures") < seen.index("Nights")
        assert "A run failed (3 in a row); further failures are not told" in seen
        assert "The owner, olaf" in seen
        assert "Globex" not in seen
        assert "Globex" in as_root.text(RULES)

    def test_shows_some_of_each_tenant_and_all_of_one(
        self, cast: Cast, as_root: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(list_page, "SHOWN", 2)
        for name in ("Days", "Nights", "Weekends"):
            changes.create({"name": name}, tenant=cast.acme, by=Editor("user:ana"))
        seen = as_root.text(RULES)
        assert "Days" in seen
        assert "Nights" not in seen
        assert '<a href="?tenant=acme">2 more of Acme</a>' in seen
        alone = as_root.text(RULES, tenant="acme")
        assert "Weekends" in alone
        assert "tenant=globex" not in alone
