"""The page of scopes says what the code asks for."""

from __future__ import annotations

from accounts.scopes import Scope
from scheduler_project.api import scope_matrix
from tests.jobs.api.test_scope_matrix import PUBLIC, RULES


class TestPage:
    def test_is_what_the_code_says(self) -> None:
        page = scope_matrix.PAGE.read_text()
        assert page == scope_matrix.page(), "Run `python -m scheduler_project.api.scope_matrix`."

    def test_has_a_line_for_every_rule(self) -> None:
        lines = list(scope_matrix.lines())
        assert len(lines) == len(RULES)
        assert sorted(line.needs for line in lines) == sorted(
            scope_matrix.ANYBODY if rule == PUBLIC else rule for rule in RULES.values()
        )

    def test_marks_the_roles_that_have_a_scope(self) -> None:
        page = scope_matrix.page()
        assert "| `POST` | `/api/v1/keys/<id>/rotate` | `keys:write` |  |  |  | ✓ |" in page
        assert "| `GET` | `/api/v1/me` | any credential | ✓ | ✓ | ✓ | ✓ |" in page
        assert all(f"| `{scope.value}` |" in page for scope in Scope)
