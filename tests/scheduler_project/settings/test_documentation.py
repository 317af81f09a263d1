"""The page about configuration says what the code knows."""

from __future__ import annotations

import pytest

from scheduler_project.settings import documentation
from scheduler_project.settings.environment import VARIABLES


class TestTable:
    def test_stands_in_the_page_as_the_code_has_it(self) -> None:
        page = documentation.PAGE.read_text()
        assert page == documentation.with_table(page), "Run `python -m scheduler_project.settings.documentation`."

    def test_has_a_row_with_form_and_default_for_every_variable(self) -> None:
        rows = documentation.table().splitlines()[2:]
        assert [row.split("|")[1].strip(" `") for row in rows] == list(VARIABLES)
        assert "| a number of seconds from 2 to 900 | `60` |" in documentation.table()

    def test_refuses_a_page_without_its_marks(self) -> None:
        with pytest.raises(ValueError, match="put the two marks back"):
            documentation.with_table("# Configuration\n")
