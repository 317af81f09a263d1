from __future__ import annotations

from typing import Any

import pytest

from templates_registry.base import Cancelled, EffectReport, JobTemplate, PermanentFailure
from templates_registry.testing import RecordingContext
from tests.templates_registry.schemas import having


class Even(JobTemplate):
    name, title = "even", "Even"
    parameters = having(n={"type": "integer"}) | {"required": ["n"]}
    retry_on = (OSError, PermanentFailure)
    never_retry_on = (FileNotFoundError,)

    @classmethod
    def check_parameters(cls, parameters: Any) -> dict[str, list[str]]:
        return {"parameters.n": ["must be even"]} if parameters["n"] % 2 else {}


class TestFindProblems:
    def test_asks_the_template_once_the_schema_is_satisfied(self) -> None:
        assert Even.find_problems({"n": 2}) == {}
        assert Even.find_problems({"n": 3}) == {"parameters.n": ["must be even"]}

    def test_does_not_ask_the_template_about_what_the_schema_refuses(self) -> None:
        assert Even.find_problems({}) == {"parameters.n": ["is required"]}
        assert Even.find_problems([]) == {"parameters": ["must be an object"]}


class TestMayRetry:
    @pytest.mark.parametrize(
        ("error", "may"),
        [
            (OSError(), True),
            (ConnectionError(), True),
            (FileNotFoundError(), False),
            (ValueError(), False),
            (PermanentFailure(), False),
            (Cancelled(), False),
            (KeyboardInterrupt(), False),
        ],
    )
    def test_judges_by_the_kind_of_error(self, error: BaseException, may: bool) -> None:
        assert Even.may_retry(error) is may

    def test_retries_every_error_unless_told_otherwise(self) -> None:
        assert JobTemplate.may_retry(ValueError())


class TestJobTemplate:
    def test_has_no_run_of_its_own(self) -> None:
        with pytest.raises(NotImplementedError):
            Even().run(RecordingContext(), {"n": 2})

    def test_has_no_dry_run_of_its_own(self) -> None:
        with pytest.raises(PermanentFailure, match="even has no dry run"):
            Even().dry_run(RecordingContext(), {"n": 2})

    def test_allows_no_parameters_by_default(self) -> None:
        assert JobTemplate.find_problems({"a": 1}) == {"parameters.a": ["is not known"]}

    def test_calls_a_function_for_its_schema(self) -> None:
        class Late(JobTemplate):
            name = "late"
            parameters = having

        assert Late.schema() == having()


class TestEffectReport:
    def test_becomes_json(self) -> None:
        report = EffectReport("Would do it.", count=2, sample=[{"a": 1}], facts={"b": None})
        assert report.to_json() == {"summary": "Would do it.", "count": 2, "sample": [{"a": 1}], "facts": {"b": None}}
        assert EffectReport("x").to_json() == {"summary": "x", "count": None, "sample": [], "facts": {}}


class TestRecordingContext:
    def test_remembers_what_it_was_told(self) -> None:
        context = RecordingContext()
        context.log("a", level="warning")
        context.progress(1, 2, "half")
        assert (context.lines, context.steps) == ([("warning", "a")], [(1, 2, "half")])

    def test_is_cancelled_after_so_many_looks(self) -> None:
        context = RecordingContext(cancel_after=1)
        assert [context.is_cancelled(), context.is_cancelled(), RecordingContext().is_cancelled()] == [
            False,
            True,
            False,
        ]
