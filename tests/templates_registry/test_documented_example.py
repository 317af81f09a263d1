"""The whole example of docs/templates.md: killed in the middle, it charges nothing twice and goes on."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

from scheduler_project.lib.http import OutboundFailed, Response
from templates_registry.registry import registry
from templates_registry.schema import check_schema
from templates_registry.testing import RecordingContext

PAGE = Path(settings.BASE_DIR) / "docs" / "templates.md"
CHARGES = "https://payments.example/v1/charges"


@dataclass
class Invoice:
    pk: int
    number: str = "N"
    cents: int = 100
    region: str = "eu"
    charge: str | None = None


class Rows(list[Invoice]):
    """As much of a queryset as the example needs."""

    def filter(self, pk__gt: int = 0, **wanted: Any) -> Rows:
        return Rows(
            row for row in self if row.pk > pk__gt and all(getattr(row, name) == wanted[name] for name in wanted)
        )

    def order_by(self, _: str) -> Rows:
        return self

    def iterator(self) -> Rows:
        return self

    def count(self) -> int:  # type: ignore[override]
        return len(self)

    def update(self, **values: Any) -> None:
        for row in self:
            vars(row).update(values)


@pytest.fixture
def invoices(monkeypatch: pytest.MonkeyPatch) -> Rows:
    rows = Rows(Invoice(pk) for pk in (1, 2, 3))
    module = ModuleType("billing.models")
    module.Invoice = SimpleNamespace(objects=rows)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "billing", ModuleType("billing"))
    monkeypatch.setitem(sys.modules, "billing.models", module)
    return rows


@pytest.fixture
def template(invoices: Rows, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(registry, "_templates", dict(registry._templates))
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    [example] = [block for block in blocks if "class ChargeInvoices" in block]
    names: dict[str, Any] = {"__name__": "documented_example"}
    exec(compile("from __future__ import annotations\n" + example, str(PAGE), "exec"), names)
    return names["ChargeInvoices"]


def _context(**known: Any) -> RecordingContext:
    context = RecordingContext(secrets={"payments": "s3cret"}, **known)
    context.http.answers[CHARGES] = Response(200, {}, b'{"id": "ch_1"}', CHARGES)
    return context


class TestChargeInvoices:
    def test_charges_each_once_and_says_so(self, template: Any, invoices: Rows) -> None:
        context = _context()
        assert template().run(context, {"region": "eu"}) == {"charged": 3}
        assert [invoice.charge for invoice in invoices] == ["ch_1"] * 3
        assert context.effects["charge:1"].result == "ch_1"
        assert context.lines == [("info", "Charged 3 invoices.")]
        assert context.steps[-1][:2] == (3, 3)

    def test_goes_on_where_it_failed(self, template: Any, invoices: Rows) -> None:
        first = _context()
        first.checkpoint({"last": 1, "charged": 1})
        first.http.answers[CHARGES] = OutboundFailed("no answer")
        with pytest.raises(OutboundFailed):
            template().run(first, {"region": "eu"})
        retry = _context(attempt=2, effects=first.effects, last_checkpoint=first.last_checkpoint)
        assert template().run(retry, {"region": "eu"}) == {"charged": 3}
        assert [invoice.charge for invoice in invoices] == [None, None, "ch_1"]
        assert retry.lines[0] == ("warning", "Nobody knows whether N was charged; look it up.")
        assert len(retry.http.calls) == 1

    def test_has_a_schema_that_may_be_used(self, template: Any) -> None:
        assert check_schema(template.schema()) == []

    def test_says_what_it_would_charge(self, template: Any) -> None:
        assert template().dry_run(_context(dry_run=True), {"region": "eu"}).count == 3
