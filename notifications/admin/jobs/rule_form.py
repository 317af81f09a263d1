"""A rule of one job in three questions. The rulebook judges the rule; here only what a person may have forgotten."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from accounts.models import Tenant
from jobs.admin.wizard.additions import AdditionForm
from notifications.channels import registry
from notifications.models import Channel
from notifications.rulebook.reader import MOST_CHANNELS, MOST_IN_ROW
from notifications.rules.kinds import ABOUT, OF_THE_SYSTEM, Kind

OWNER, EVERYONE = "owner", "everyone"
OFFERED = 50  # channels
KINDS = [(kind.value, ABOUT[kind].label) for kind in Kind if kind not in OF_THE_SYSTEM]
GONE = "One of the channels is gone, or is of another tenant. Look at the choice again."


class JobRuleForm(AdditionForm):
    """Nothing chosen means no rule."""

    use_required_attribute = False

    kinds = forms.MultipleChoiceField(
        label="Tell when", choices=KINDS, required=False, widget=forms.CheckboxSelectMultiple
    )
    ways = forms.MultipleChoiceField(
        label="Who hears of it", required=False, widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": GONE},
    )  # fmt: skip
    in_row = forms.IntegerField(
        label="Failures in a row",
        help_text="1 tells of the first failure, 3 of the third one after another. Then it is silent until it works.",
        required=False,
        min_value=1,
        max_value=MOST_IN_ROW,
    )

    def __init__(self, data: QueryDict, *, tenant: Tenant) -> None:
        data = data.copy()
        data.setdefault("rule-in_row", "1")
        super().__init__(data, prefix="rule", label_suffix="")
        found = Channel.objects.filter(tenant=tenant).order_by("name", "pk").values_list("pk", "name", "kind")[:OFFERED]
        channels = [(str(pk), f"{name} ({registry.type_of(kind).label})") for pk, name, kind in found]
        self.has_channels = bool(channels)
        self.channels_are_cut = len(channels) == OFFERED
        ways = self.fields["ways"]
        assert isinstance(ways, forms.MultipleChoiceField)
        ways.choices = [(OWNER, "The owner's inbox"), (EVERYONE, f"The inbox of everyone in {tenant.name}"), *channels]

    @property
    def is_asked(self) -> bool:
        """Whether somebody has begun with it."""
        return bool(self["kinds"].value() or self["ways"].value() or self.errors)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        kinds, ways = cleaned.get("kinds"), cleaned.get("ways")
        if kinds == [] and ways:
            self.add_error("kinds", "Choose what is told, or nobody who hears of it.")
        if ways == [] and kinds:
            self.add_error("ways", "Choose who hears of it.")
        if len([way for way in ways or () if way.isdecimal()]) > MOST_CHANNELS:
            self.add_error("ways", f"Choose at most {MOST_CHANNELS} channels.")
        return cleaned
