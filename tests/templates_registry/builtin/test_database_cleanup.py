from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, models

from templates_registry import allowed_models
from templates_registry.base import Cancelled, PermanentFailure
from templates_registry.builtin.database_cleanup import DatabaseCleanupTemplate, parameters
from templates_registry.testing import RecordingContext

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
SESSIONS: dict[str, Any] = {"model": "sessions.Session", "older_than_days": 5}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ten_sessions() -> None:
    """One a day: s0 expires now, s9 nine days ago."""
    Session.objects.bulk_create(
        Session(session_key=f"s{day}", session_data="", expire_date=NOW - timedelta(days=day)) for day in range(10)
    )


def context(**changes: Any) -> RecordingContext:
    return RecordingContext(started_at=NOW, **changes)


def left() -> list[str]:
    return sorted(Session.objects.values_list("pk", flat=True))


class TestParameters:
    def test_offer_the_models_of_the_settings(self, settings: Any) -> None:
        settings.DAYBOOK_CLEANUP_MODELS = {"b.B": "x", "a.A": "y"}
        assert parameters()["properties"]["model"]["enum"] == ["a.A", "b.B"]

    @pytest.mark.parametrize(
        ("given", "path"),
        [
            ({**SESSIONS, "model": "auth.User"}, "parameters.model"),
            ({**SESSIONS, "model": "sessions.Session; DROP TABLE x"}, "parameters.model"),
            ({**SESSIONS, "older_than_days": 0}, "parameters.older_than_days"),
            ({**SESSIONS, "older_than_days": "5 OR 1=1"}, "parameters.older_than_days"),
            ({**SESSIONS, "batch_size": 10_001}, "parameters.batch_size"),
            ({**SESSIONS, "where": "1=1"}, "parameters.where"),
            ({"older_than_days": 5}, "parameters.model"),
        ],
    )
    def test_refuse(self, given: dict[str, Any], path: str) -> None:
        assert list(DatabaseCleanupTemplate.find_problems(given)) == [path]

    def test_accept(self) -> None:
        assert DatabaseCleanupTemplate.find_problems({**SESSIONS, "batch_size": 10_000}) == {}


class TestRun:
    def test_deletes_what_is_older(self) -> None:
        result = DatabaseCleanupTemplate().run(context(), SESSIONS)
        assert left() == ["s0", "s1", "s2", "s3", "s4", "s5"]
        assert result == {"deleted": 4, "deleted_with_related": 4}

    def test_again_deletes_nothing(self) -> None:
        DatabaseCleanupTemplate().run(context(), SESSIONS)
        assert DatabaseCleanupTemplate().run(context(), SESSIONS) == {"deleted": 0, "deleted_with_related": 0}

    def test_goes_in_batches_oldest_first_and_says_how_far(self) -> None:
        run = context()
        DatabaseCleanupTemplate().run(run, {**SESSIONS, "batch_size": 3})
        assert run.steps == [(0, 4, ""), (3, 4, "3 rows deleted"), (4, 4, "4 rows deleted")]
        assert run.lines[-1] == ("info", "4 rows of sessions.Session deleted.")

    def test_stops_between_batches_when_cancelled(self) -> None:
        with pytest.raises(Cancelled) as stopped:
            DatabaseCleanupTemplate().run(context(cancel_after=1), {**SESSIONS, "batch_size": 3})
        assert stopped.value.result == {"deleted": 3, "deleted_with_related": 3}
        assert "s6" in left()

    def test_fails_for_good_when_the_database_keeps_the_rows(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
            cursor.execute("CREATE TRIGGER keep BEFORE DELETE ON django_session FOR EACH ROW EXECUTE FUNCTION keep()")
        with pytest.raises(PermanentFailure, match="keeps rows"):
            DatabaseCleanupTemplate().run(context(), SESSIONS)

    def test_goes_on_when_somebody_else_deleted_a_batch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = context()
        monkeypatch.setattr(asked, "is_cancelled", lambda: bool(Session.objects.filter(pk="s9").delete()[0]) and False)
        assert DatabaseCleanupTemplate().run(asked, {**SESSIONS, "batch_size": 1}) == {
            "deleted": 3,
            "deleted_with_related": 3,
        }

    @pytest.mark.parametrize(
        ("models", "words"),
        [({}, "no longer one of"), ({"sessions.Session": "wibble"}, "has no field wibble")],
    )
    def test_refuses_what_the_settings_no_longer_allow(self, settings: Any, models: Any, words: str) -> None:
        settings.DAYBOOK_CLEANUP_MODELS = models
        with pytest.raises(PermanentFailure, match=words):
            DatabaseCleanupTemplate().run(context(), SESSIONS)
        assert len(left()) == 10

    def test_refuses_a_model_that_is_gone(self, settings: Any) -> None:
        settings.DAYBOOK_CLEANUP_MODELS = {"gone.Model": "x"}
        with pytest.raises(PermanentFailure, match=r"no model gone\.Model"):
            DatabaseCleanupTemplate().run(context(), {**SESSIONS, "model": "gone.Model"})


class TestDryRun:
    def test_reports_and_deletes_nothing(self) -> None:
        report = DatabaseCleanupTemplate().dry_run(context(dry_run=True), {**SESSIONS, "older_than_days": 3})
        assert report.summary == "Would delete 6 rows of sessions.Session."
        assert report.count == 6
        assert report.sample[0] == {"key": "s9", "date": "2026-05-01T12:00:00+00:00"}
        assert len(report.sample) == 5
        assert report.facts == {"oldest": "2026-05-01T12:00:00+00:00", "newest": "2026-05-06T12:00:00+00:00"}
        assert len(left()) == 10

    def test_reports_nothing_to_do(self) -> None:
        report = DatabaseCleanupTemplate().dry_run(context(), {**SESSIONS, "older_than_days": 300})
        assert report.to_json() == {
            "summary": "Would delete 0 rows of sessions.Session.",
            "count": 0,
            "sample": [],
            "facts": {"oldest": None, "newest": None},
        }


class TestAllowedModels:
    def test_shares_what_has_no_tenant(self) -> None:
        assert allowed_models.rows("sessions.Session", tenant="any").count() == 10

    def test_compares_a_date_field_with_a_date(self) -> None:
        assert allowed_models.before(models.DateField(), NOW, 3) == date(2026, 5, 7)
        assert allowed_models.before(models.DateTimeField(), NOW, 3) == NOW - timedelta(days=3)
