from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from scheduler_project.lib import telemetry
from templates_registry import registry, sync
from templates_registry.base import JobTemplate
from templates_registry.models import TemplateVersion
from tests.templates_registry.schemas import having

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


class First(JobTemplate):
    name, version, title, category, description = "sync_first", 1, "First", "Tests", "A template."
    parameters = having(a={"type": "integer"})
    is_idempotent = True
    soft_timeout = timedelta(minutes=5)
    on_lost = "fail"


class Second(First):
    version, title = 2, "Second"


def row(version: int) -> TemplateVersion:
    return TemplateVersion.objects.get(name="sync_first", version=version)


class TestSync:
    def test_copies_what_the_code_says(self) -> None:
        sync.sync([First], now=NOW)
        stored = row(1)
        assert str(stored) == "sync_first v1"
        assert (stored.title, stored.category, stored.description) == ("First", "Tests", "A template.")
        assert (stored.schema, stored.is_idempotent, stored.is_destructive) == (First.parameters, True, False)
        assert (stored.soft_timeout, stored.timeout, stored.on_lost) == (
            timedelta(minutes=5),
            timedelta(hours=1),
            "fail",
        )
        assert (stored.is_available, stored.synced_at, len(stored.source_hash)) == (True, NOW, 64)

    def test_again_changes_only_the_time(self) -> None:
        sync.sync([First], now=NOW)
        before = row(1)
        sync.sync([First], now=NOW + timedelta(days=1))
        after = row(1)
        assert (after.pk, after.created_at, after.source_hash) == (before.pk, before.created_at, before.source_hash)
        assert after.synced_at == NOW + timedelta(days=1)

    def test_marks_what_the_code_no_longer_has_and_takes_it_back(self) -> None:
        sync.sync([First, Second], now=NOW)
        sync.sync([Second], now=NOW)
        assert (row(1).is_available, row(2).is_available) == (False, True)
        sync.sync([First], now=NOW)
        assert (row(1).is_available, row(2).is_available) == (True, False)

    def test_tells_when_a_released_schema_changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[tuple[str, dict[str, Any]]] = []
        monkeypatch.setattr(telemetry, "_listeners", [lambda event, fields: told.append((event, fields))])
        sync.sync([First], now=NOW)
        changed = type("Changed", (First,), {"parameters": having(a={"type": "string"})})
        sync.sync([changed], now=NOW)
        assert told == [("template.schema_changed", {"template": "sync_first", "version": 1})]
        assert row(1).schema == having(a={"type": "string"})

    def test_hashes_a_class_without_source(self) -> None:
        made: Any = type("Made", (First,), {"__module__": "nowhere"})
        sync.sync([made], now=NOW)
        assert len(row(1).source_hash) == 64


class TestAfterMigrate:
    def test_has_stored_the_registered_templates(self) -> None:
        stored = set(TemplateVersion.objects.filter(is_available=True).values_list("name", "version"))
        assert {(template.name, template.version) for template in registry.all_templates()} <= stored

    def test_leaves_a_database_alone_that_has_no_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection.introspection, "table_names", list)
        TemplateVersion.objects.all().delete()
        sync.after_migrate(using="default")
        assert not TemplateVersion.objects.exists()

    def test_leaves_a_database_alone_that_the_router_excludes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("templates_registry.sync.router.allow_migrate_model", lambda using, model: False)
        monkeypatch.setattr(sync, "sync", lambda *_, **__: pytest.fail("synced"))
        sync.after_migrate(using="default")


class TestFindTemplateVersion:
    def test_finds_the_newest_that_the_code_has(self) -> None:
        sync.sync([First, Second], now=NOW)
        assert sync.find_template_version("sync_first") == row(2)
        sync.sync([First], now=NOW)
        assert sync.find_template_version("sync_first") == row(1)

    def test_finds_a_version_even_when_its_code_is_gone(self) -> None:
        sync.sync([Second], now=NOW)
        sync.sync([], now=NOW)
        assert sync.find_template_version("sync_first", 2) == row(2)
        assert sync.find_template_version("sync_first") is None

    def test_finds_nothing_under_an_unknown_name(self) -> None:
        assert sync.find_template_version("nothing", 1) is None


class TestConstraints:
    @pytest.mark.parametrize(
        ("change", "constraint"),
        [
            ({"version": 2}, "job_templates_name_version"),
            ({"version": 0}, "job_templates_version_positive"),
            ({"timeout": timedelta(0), "soft_timeout": None}, "job_templates_timeout_positive"),
            ({"min_interval": timedelta(-1)}, "job_templates_min_interval"),
            ({"soft_timeout": timedelta(hours=1)}, "job_templates_soft_timeout_below_timeout"),
            ({"soft_timeout": timedelta(0)}, "job_templates_soft_timeout_below_timeout"),
            ({"on_lost": "panic"}, "job_templates_on_lost"),
        ],
    )
    def test_refuse(self, change: dict[str, Any], constraint: str) -> None:
        sync.sync([First, Second], now=NOW)
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            TemplateVersion.objects.filter(name="sync_first", version=1).update(**change)


class TestMigration:
    def test_is_complete(self) -> None:
        call_command("makemigrations", "templates_registry", check=True, dry_run=True, verbosity=0)

    @pytest.mark.long
    @pytest.mark.django_db(transaction=True)
    def test_reverses_and_comes_back(self) -> None:
        executor = MigrationExecutor(connection)
        leaves = executor.loader.graph.leaf_nodes()
        try:
            executor.migrate([("templates_registry", None)])
            assert "job_templates" not in connection.introspection.table_names()
        finally:
            MigrationExecutor(connection).migrate(leaves)
        assert "job_templates" in connection.introspection.table_names()
