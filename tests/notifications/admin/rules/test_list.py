"""The list of rules: who sees whose, and what a line says."""

from __future__ import annotations

from django.urls import reverse

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
        assert "A run failed (3 in a row); only changes" in seen
        assert "The owner, olaf" in seen
        assert "Globex" not in seen
        assert "Globex" in as_root.text(RULES)
