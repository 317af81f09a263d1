"""Changes of circuits are stored, and a circuit is closed by hand."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from jobs import circuits
from jobs.models import CircuitEvent
from scheduler_project.lib import circuits as breakers
from scheduler_project.lib import own_statement, telemetry
from scheduler_project.lib.circuits import State
from tests.circuits import opened

pytestmark = pytest.mark.django_db(transaction=True)


class TestRecord:
    def test_keeps_each_change_with_its_cause(self, own_circuits: None) -> None:
        opened("http:vendor.example")
        circuits.reset("http:vendor.example", by="user:ana")
        assert list(CircuitEvent.objects.order_by("id").values_list("circuit", "before", "after", "why")) == [
            ("http:vendor.example", "closed", "open", "ConnectionError: nobody there"),
            ("http:vendor.example", "open", "closed", "closed by user:ana"),
        ]

    def test_keeps_it_though_the_transaction_around_the_call_fails(self, own_circuits: None) -> None:
        with transaction.atomic():
            opened("mail")
            transaction.set_rollback(True)
        assert CircuitEvent.objects.get().after == "open"

    def test_spoils_no_call_when_it_cannot_be_stored(self, own_circuits: None, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[str] = []
        monkeypatch.setattr(telemetry, "_listeners", [*telemetry._listeners, lambda event, _: told.append(event)])

        def refuse(*_: Any) -> None:
            raise DatabaseError("away")

        monkeypatch.setattr(own_statement, "run", refuse)
        opened("mail")
        assert breakers.find("mail").state is State.OPEN
        assert "circuit.unrecorded" in told


class TestListKnown:
    def test_has_mail_even_if_it_never_failed(self, own_circuits: None) -> None:
        [known] = circuits.list_known()
        assert (known.circuit.name, known.circuit.state, known.changed_at) == ("mail", State.CLOSED, None)

    def test_says_how_each_is_now_and_what_changed_it(self, own_circuits: None) -> None:
        opened("http:vendor.example")
        mail, vendor = circuits.list_known()
        assert mail.circuit.name == "mail"
        assert (vendor.circuit.state, vendor.why) == (State.OPEN, "ConnectionError: nobody there")
        assert vendor.circuit.retry_at is not None


class TestReset:
    def test_knows_no_name_that_never_opened(self, own_circuits: None) -> None:
        with pytest.raises(circuits.UnknownCircuit, match="No circuit http:other ever opened"):
            circuits.reset("http:other", by="user:ana")
