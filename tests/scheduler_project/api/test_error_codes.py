"""The page of errors: every code that the source can answer with is described, and nothing else is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from rest_framework import exceptions

from scheduler_project.api import error_codes

ROOT = Path(settings.BASE_DIR)
PACKAGES = ("scheduler_project", "accounts", "templates_registry", "jobs", "notifications")
ERRORS = ("Conflict", "Busy", "PermissionDenied", "NotProvisioned", "ApiError", "NotFound")  # take `code=`
OF_THE_FRAMEWORK = (
    *(exceptions.NotAuthenticated, exceptions.AuthenticationFailed, exceptions.PermissionDenied, exceptions.NotFound),
    *(exceptions.MethodNotAllowed, exceptions.NotAcceptable, exceptions.UnsupportedMediaType),
)


def codes_of_source() -> dict[str, str]:
    """Each code with the first place that has it."""
    found = {str(error.default_code): "the framework" for error in OF_THE_FRAMEWORK}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for code, line in _codes(ast.parse(path.read_text())):
                found.setdefault(code, f"{path.relative_to(ROOT)}:{line}")
    return found


def _codes(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            values = [keyword.value for keyword in node.keywords if keyword.arg == "code" and name in ERRORS]
            values += node.args[1:2] if name == "Problem" else []
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {getattr(target, "id", "") for target in targets}
            values = [node.value] if "default_code" in names else []
            if "CONFLICTS" in names and isinstance(node.value, ast.Dict):
                values += node.value.values
        else:
            continue
        yield from ((value.value, value.lineno) for value in values if isinstance(value, ast.Constant))


def test_every_code_of_the_source_is_described() -> None:
    found = codes_of_source()
    undescribed = {code: where for code, where in found.items() if code not in error_codes.CODES}
    assert not undescribed, "Describe them in scheduler_project/api/error_codes.py."
    assert len(found) > 50


def test_no_code_is_described_that_nothing_answers_with() -> None:
    assert set(error_codes.CODES) <= {*codes_of_source(), *_of_the_table()}


def _of_the_table() -> set[str]:
    from scheduler_project.api import errors

    return set(errors.CODES.values())


def test_the_page_is_the_one_that_the_code_makes() -> None:
    made = error_codes.page()
    assert error_codes.PAGE.read_text() == made, "Run `python -m scheduler_project.api.error_codes`."


def test_statuses_are_those_that_the_classes_have() -> None:
    from scheduler_project.api.errors import Busy, Conflict, NotProvisioned, TooLarge

    for error in (Conflict, TooLarge, Busy, NotProvisioned, *OF_THE_FRAMEWORK):
        assert error_codes.CODES[str(error.default_code)].status == error.status_code, error
