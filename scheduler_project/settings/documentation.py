"""Writes the table of environment variables into its page: `python -m scheduler_project.settings.documentation`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from scheduler_project.settings.environment import VARIABLES, Variable, names, text

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
BEGIN, END = "<!-- variables: begin -->", "<!-- variables: end -->"
NONSENSE = "-1"  # no parser accepts it, and its refusal says what would be right


def table() -> str:
    rows = [f"| `{name}` | {_form(variable)} | {_default(variable.default)} | {variable.help} |"
            for name, variable in VARIABLES.items()]  # fmt: skip
    return "\n".join(["| Variable | Form | Default | What it is |", "|---|---|---|---|", *rows])


def with_table(page: str) -> str:
    """The page with the table as it should be. Raises ValueError when the page has lost its marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no {BEGIN} … {END}; put the two marks back where the table belongs.")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _form(variable: Variable) -> str:
    if variable.parse is text:
        return "text"
    if variable.parse is names:
        return "names, separated by commas"
    try:
        variable.parse(NONSENSE)
    except ValueError as refusal:
        return str(refusal).removeprefix("write ")
    raise AssertionError(f"The parser of {variable} takes everything; say here what its form is.")


def _default(value: Any) -> str:
    if value in (None, [], {}):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.total_seconds():g}`" if isinstance(value, timedelta) else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
