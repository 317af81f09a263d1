"""Query strings of other schedulers' clients: their words for states, and their names for jobs."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from jobs.api.families.words import ADMIN, UI, Family
from jobs.api.parameters import ExecutionParameters, JobExecutionParameters, JobParameters
from jobs.rules.states import ExecutionStatus
from scheduler_project.api.serializers import StrictSerializer


def _status(family: Family) -> serializers.ChoiceField:
    known = dict.fromkeys([*family.choices, *(status.value for status in ExecutionStatus)])
    return serializers.ChoiceField(choices=list(known), required=False, help_text="The canonical word does as well.")


class _InWords(StrictSerializer):
    family: ClassVar[Family]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "status" in attrs:
            # A canonical word means that one state, even where the family has the same word for several.
            word = attrs.pop("status")
            known = tuple(status for status in ExecutionStatus if status.value == word)
            attrs["statuses"] = self.family.statuses(word) if word in self.family.choices else known
        if "job_id" in attrs:
            attrs["job"] = attrs.pop("job_id")
        return attrs


class UiRunParameters(_InWords, ExecutionParameters):
    family = UI
    status = _status(UI)
    job_id = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1, help_text="As `job`.")


class AdminRunParameters(_InWords, ExecutionParameters):
    family = ADMIN
    status = _status(ADMIN)
    job_id = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1, help_text="As `job`.")


class AdminJobRunParameters(_InWords, JobExecutionParameters):
    family = ADMIN
    status = _status(ADMIN)


class FamilyJobParameters(JobParameters):
    is_enabled = serializers.BooleanField(required=False, help_text="As `enabled`.")
    search = serializers.CharField(required=False, help_text="As `q`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        for name, ours in (("is_enabled", "enabled"), ("search", "q")):
            if name in attrs:
                attrs[ours] = attrs.pop(name)
        return attrs
