from __future__ import annotations

import csv
import hashlib
import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.sessions.models import Session

from accounts.models import Tenant
from jobs.models import Tick
from templates_registry.base import Cancelled, PermanentFailure
from templates_registry.builtin import data_export
from templates_registry.builtin.data_export import LINES, DataExportTemplate, parameters
from templates_registry.testing import RecordingContext
from tests.templates_registry.test_export_folder import CORPUS, tree

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
FIELDS = ["session_key", "session_data", "expire_date"]
CSV = {"model": "sessions.Session", "format": "csv", "file_name": "sessions"}


class Export(DataExportTemplate):
    """The template as it registers with these tests' settings."""

    parameters = staticmethod(parameters)


@pytest.fixture(autouse=True)
def root(settings: Any, tmp_path: Path) -> Path:
    settings.DAYBOOK_EXPORT_MODELS = {"sessions.Session": FIELDS, "auth.Group": ["id", "name"], "jobs.Tick": ["due_at"]}
    settings.DAYBOOK_EXPORT_ROOT = tmp_path / "exports"
    return tmp_path / "exports"


@pytest.fixture
def ten_sessions(db: None) -> None:
    Session.objects.bulk_create(
        Session(session_key=f"s{day}", session_data=f"=cmd|{day}", expire_date=NOW - timedelta(days=day))
        for day in range(10)
    )


def context(**changes: Any) -> RecordingContext:
    return RecordingContext(started_at=NOW, execution_id=91, **changes)


def run(given: Mapping[str, Any], **changes: Any) -> Any:
    return DataExportTemplate().run(context(**changes), given)


class TestParameters:
    def test_offer_what_the_settings_allow(self) -> None:
        found = parameters()["properties"]
        assert found["model"]["enum"] == ["auth.Group", "jobs.Tick", "sessions.Session"]
        assert found["fields"]["items"]["enum"] == [
            "due_at",
            "expire_date",
            "id",
            "name",
            "session_data",
            "session_key",
        ]

    @pytest.mark.parametrize(
        "given",
        [CSV, {**CSV, "fields": ["session_key"]}, {**CSV, "since_days": 3, "date_field": "expire_date"}],
    )
    def test_accept(self, given: dict[str, Any]) -> None:
        assert Export.find_problems(given) == {}

    @pytest.mark.parametrize("name", CORPUS, ids=ascii)
    def test_refuse_file_names(self, name: str) -> None:
        assert Export.find_problems({**CSV, "file_name": name})

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"file_name": "a.csv"}, "parameters.file_name"),
            ({"file_name": "-a"}, "parameters.file_name"),
            ({"file_name": "A"}, "parameters.file_name"),
            ({"model": "auth.User"}, "parameters.model"),
            ({"format": "xlsx"}, "parameters.format"),
            ({"fields": []}, "parameters.fields"),
            ({"fields": ["password"]}, "parameters.fields[0]"),
            ({"fields": ["session_key", "name"]}, "parameters.fields[1]"),
            ({"fields": ["session_key", "session_key"]}, "parameters.fields"),
            ({"since_days": 3}, "parameters.date_field"),
            ({"date_field": "expire_date"}, "parameters.since_days"),
            ({"date_field": "session_key", "since_days": 3}, "parameters.date_field"),
            ({"date_field": "due_at", "since_days": 3}, "parameters.date_field"),
            ({"model": "auth.Group", "date_field": "name", "since_days": 3}, "parameters.date_field"),
            ({"where": "1=1"}, "parameters.where"),
        ],
    )
    def test_refuse(self, change: dict[str, Any], path: str) -> None:
        assert list(Export.find_problems({**CSV, **change})) == [path]


@pytest.mark.usefixtures("ten_sessions")
class TestRun:
    def test_writes_csv(self, root: Path) -> None:
        done = context()
        result: Any = DataExportTemplate().run(done, CSV)
        assert result["file"] == "test/sessions-20260510t120000z-91.csv"
        data = (root / result["file"]).read_bytes()
        rows = list(csv.reader(data.decode().splitlines()))
        assert rows[0] == FIELDS
        assert rows[3] == ["s2", "'=cmd|2", "2026-05-08T12:00:00+00:00"]
        assert (result["rows"], len(rows)) == (10, 11)
        assert (result["bytes"], result["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert done.steps == [(10, 10, "10 rows written")]
        assert tree(root) == ["test", result["file"]]

    def test_writes_json_lines(self, root: Path) -> None:
        result = run({**CSV, "format": "jsonl", "fields": ["session_key", "session_data"]})
        lines = [json.loads(line) for line in (root / result["file"]).read_text().splitlines()]
        assert lines[0] == {"session_key": "s0", "session_data": "=cmd|0"}
        assert len(lines) == 10

    def test_limits_to_recent_rows(self) -> None:
        assert run({**CSV, "since_days": 3, "date_field": "expire_date"})["rows"] == 4

    def test_takes_the_due_time_for_the_name(self) -> None:
        assert "20260101t030000z" in run(CSV, scheduled_for=datetime(2026, 1, 1, 3, tzinfo=UTC))["file"]

    def test_of_a_second_attempt_replaces_the_file(self, root: Path) -> None:
        assert run(CSV, fence=1)["file"] == run(CSV, fence=2)["file"]
        assert len(tree(root)) == 2

    def test_reads_and_writes_in_chunks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(data_export, "CHUNK", 4)
        done = context()
        DataExportTemplate().run(done, CSV)
        assert [step[0] for step in done.steps] == [4, 8, 10]

    def test_leaves_no_file_when_cancelled(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(data_export, "CHUNK", 4)
        with pytest.raises(Cancelled, match="no file"):
            run(CSV, cancel_after=1)
        assert tree(root) == ["test"]

    @pytest.mark.parametrize("models", [{}, {"sessions.Session": ["expire_date"]}])
    def test_refuses_what_the_settings_no_longer_allow(self, settings: Any, root: Path, models: Any) -> None:
        settings.DAYBOOK_EXPORT_MODELS = models
        with pytest.raises(PermanentFailure, match="no longer allows"):
            run({**CSV, "fields": ["session_key"]})
        assert not root.exists()

    def test_writes_an_empty_file_with_its_head(self, root: Path) -> None:
        Session.objects.all().delete()
        result = run(CSV)
        assert (root / result["file"]).read_bytes() == b"session_key,session_data,expire_date\r\n"
        assert result["rows"] == 0

    def test_gives_a_tenant_only_its_own_rows(self, root: Path) -> None:
        for slug in ("ours", "theirs"):
            tenant = Tenant.objects.create(slug=slug, name=slug)
            Tick.objects.create(
                tenant=tenant, job_id=1, due_at=NOW + timedelta(days=len(slug)), decided_at=NOW, revision=1, epoch=1,
                outcome="skipped", reason="paused",
            )  # fmt: skip
        ticks = {"model": "jobs.Tick", "format": "csv", "file_name": "t"}
        assert (root / run(ticks, tenant="ours")["file"]).read_text().split() == ["due_at", "2026-05-14T12:00:00+00:00"]
        assert run(ticks, tenant="nobody")["rows"] == 0


class TestDryRun:
    @pytest.mark.usefixtures("ten_sessions")
    def test_counts_and_writes_nothing(self, root: Path) -> None:
        report = DataExportTemplate().dry_run(context(), CSV)
        assert report.summary == "Would write 10 rows of sessions.Session to a file."
        assert (report.count, len(report.sample)) == (10, 5)
        assert report.sample[0] == {
            "session_key": "s0",
            "session_data": "=cmd|0",
            "expire_date": "2026-05-10T12:00:00Z",
        }
        assert report.facts == {"fields": FIELDS}
        assert not root.exists()


class TestCsv:
    @pytest.mark.parametrize(
        "value",
        [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\tx",
            "\rx",
            "\nx",
            " =1",
            "  @x",
            "\u00a0=1",
            "\uff1d1",
            "\uff0b1",
            "\uff0d1",
        ],
    )
    def test_disarms_formulas(self, value: str) -> None:
        assert (
            next(csv.reader([LINES["csv"]([], [[value]])], strict=False))[0].startswith("'")
            or "\r" in value
            or "\n" in value
        )
        assert LINES["csv"]([], [[value]]).lstrip('"').startswith("'")

    @pytest.mark.parametrize(
        ("value", "cell"),
        [
            (-5, "-5"),
            (Decimal("-1.50"), "-1.50"),
            (None, '""'),
            (True, "True"),
            ("plain", "plain"),
            ('a"b,c', '"a""b,c"'),
            (date(2026, 1, 2), "2026-01-02"),
            (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            ({"a": "é"}, '"{""a"": ""é""}"'),
            ([1], "[1]"),
        ],
    )
    def test_writes(self, value: Any, cell: str) -> None:
        assert LINES["csv"]([], [[value]]) == f"{cell}\r\n"


class TestJsonLines:
    def test_writes_what_json_has_no_type_for(self) -> None:
        row = [datetime(2026, 1, 2, tzinfo=UTC), Decimal("1.50"), UUID(int=1)]
        assert json.loads(LINES["jsonl"](["a", "b", "c"], [row])) == {
            "a": "2026-01-02T00:00:00Z",
            "b": "1.50",
            "c": "00000000-0000-0000-0000-000000000001",
        }


class TestSource:
    def test_holds_no_sql(self) -> None:
        folder = Path(data_export.__file__).parent
        words = ["grep", "-lE", r"\.raw\(|\.extra\(|RawSQL|cursor\(", *map(str, folder.glob("d*.py"))]
        assert subprocess.run(words, capture_output=True, text=True, check=False).stdout == ""
