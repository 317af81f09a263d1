"""The connection that a process shares with its templates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, connections

from jobs.execution import session
from scheduler_project.lib import sql

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    session.make_ready()
    yield
    connection.close()


def setting(name: str) -> str:
    found = sql.row(f"SELECT current_setting('{name}') AS value")
    assert found is not None
    return str(found["value"])


class TestMakeReady:
    def test_lets_the_engine_s_statements_keep_plans_that_read_indexes(self) -> None:
        assert {name: setting(name) for name in session.ENGINE} == session.ENGINE

    def test_readies_a_new_connection_too(self) -> None:
        connection.close()
        session.make_ready()
        assert setting("enable_sort") == "off"


class TestLoan:
    def test_sets_nothing_back_after_a_template_that_asks_for_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        statements: list[str] = []
        monkeypatch.setattr(sql, "script", statements.append)
        before = connection.connection
        session.Loan().end()
        assert (connection.connection, statements) == (before, [])

    def test_gives_the_template_the_same_connection_with_the_server_s_settings(self) -> None:
        before = connection.connection
        loan = session.Loan()
        assert {name: setting(name) for name in session.ENGINE} == {
            "plan_cache_mode": "auto", "enable_seqscan": "on", "enable_sort": "on", "jit": setting("jit"),
        }  # fmt: skip
        assert connection.connection is before
        loan.end()
        assert {name: setting(name) for name in session.ENGINE} == session.ENGINE

    def test_sets_back_what_the_template_set(self) -> None:
        loan = session.Loan()
        sql.script("SET statement_timeout = 1")
        loan.end()
        assert setting("statement_timeout") == "0"

    def test_outlives_a_template_that_closes_what_it_did_not_use(self) -> None:
        before = connection.connection
        loan = session.Loan()
        connections.close_all()
        loan.end()
        assert connection.connection is before

    def test_outlives_a_template_that_drops_the_connection(self) -> None:
        loan = session.Loan()
        session.drop()
        loan.end()
        assert setting("enable_sort") in ("on", "off")
