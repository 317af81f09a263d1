"""The allow-list of tasks: deny by default, per tenant, never the product's own."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Tenant
from templates_registry import task_functions
from templates_registry.models import TaskFunction
from templates_registry.reserved_tasks import is_reserved

pytestmark = pytest.mark.django_db

NAMED = {
    "type": "object",
    "properties": {"region": {"type": "string", "maxLength": 20}},
    "required": ["region"],
    "additionalProperties": False,
}


def problems(tenant: str = "acme", **parameters: Any) -> dict[str, list[str]]:
    return task_functions.find_problems({"task": "reports.build", **parameters}, tenant=tenant)


class TestFindProblems:
    def test_denies_what_is_not_listed(self) -> None:
        assert "None is listed" in problems()["parameters.task"][0]

    def test_names_what_is_listed(self) -> None:
        TaskFunction.objects.create(name="mail.send", for_all_tenants=True)
        assert "mail.send" in problems()["parameters.task"][0]

    def test_allows_all_tenants_only_when_the_entry_says_so(self) -> None:
        entry = TaskFunction.objects.create(name="reports.build")
        assert problems()
        entry.for_all_tenants = True
        entry.save()
        assert not problems()

    def test_allows_the_tenants_that_are_named_and_no_other(self) -> None:
        entry = TaskFunction.objects.create(name="reports.build")
        entry.tenants.add(Tenant.objects.create(slug="acme", name="Acme"))
        assert not problems("acme")
        assert problems("other")

    def test_denies_an_entry_that_is_switched_off(self) -> None:
        TaskFunction.objects.create(name="reports.build", for_all_tenants=True, is_enabled=False)
        assert problems()

    def test_judges_the_arguments_by_the_schema_of_the_entry(self) -> None:
        TaskFunction.objects.create(name="reports.build", for_all_tenants=True, argument_schema=NAMED)
        assert not problems(kwargs={"region": "eu"})
        assert "parameters.kwargs.region" in problems(kwargs={"region": 5})
        assert problems()

    def test_allows_no_arguments_unless_the_schema_does(self) -> None:
        TaskFunction.objects.create(name="reports.build", for_all_tenants=True)
        assert problems(kwargs={"x": 1})

    @pytest.mark.parametrize(
        "extra",
        [
            {"queue": "other"},
            {"exchange": "x"},
            {"routing_key": "x"},
            {"headers": {"task": "evil"}},
            {"args": [1]},
            {"expires_at": "2026-01-01T00:00:00+00:00"},
        ],
    )
    def test_leaves_routing_and_headers_to_rows(self, extra: dict[str, Any]) -> None:
        TaskFunction.objects.create(name="reports.build", for_all_tenants=True)
        assert list(problems(**extra)) == [f"parameters.{next(iter(extra))}"]


class TestReserved:
    @pytest.mark.parametrize(
        "name", ["scheduler.run_job", "jobs.tasks.anything", "celery.map", "celery.backend_cleanup", "notifications.x"]
    )
    def test_tasks_can_never_be_listed(self, name: str) -> None:
        assert is_reserved(name)
        with pytest.raises(ValidationError, match="never be listed"):
            TaskFunction(name=name).full_clean()
        with pytest.raises(IntegrityError, match="task_function_is_not_reserved"), transaction.atomic():
            TaskFunction.objects.create(name=name, for_all_tenants=True)

    def test_tasks_are_recognised_by_the_module_that_registered_them(self) -> None:
        from celery import current_app

        class Disguised(current_app.Task):  # type: ignore[misc, name-defined]
            name = "harmless.name"

        Disguised.__module__ = "jobs.tasks"
        current_app.register_task(Disguised())
        try:
            assert is_reserved("harmless.name")
        finally:
            current_app.tasks.unregister("harmless.name")

    def test_other_peoples_tasks_are_not(self) -> None:
        assert not is_reserved("reports.build")
        assert not is_reserved("schedulers.build")


class TestTaskFunction:
    def test_refuses_a_schema_that_cannot_be_used(self) -> None:
        with pytest.raises(ValidationError, match="argument_schema"):
            TaskFunction(name="a.b", argument_schema={"type": "array"}).full_clean()
        with pytest.raises(ValidationError, match="argument_schema"):
            TaskFunction(name="a.b", argument_schema=[]).full_clean()
