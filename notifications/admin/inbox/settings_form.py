"""The form of a person's settings. It converts what was entered; `notifications.rulebook.preferences` judges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q

from notifications.admin.inbox.filters import FROM
from notifications.rulebook import preferences
from notifications.rulebook.preferences import Preferences
from notifications.rules.kinds import Severity
from scheduler_project.lib.input import number_of

OFFERED = 200  # names of jobs
TOASTS = [
    (value, f"{word} only" if value == Severity.CRITICAL else "All" if value == Severity.INFO else f"{word} and graver")
    for value, word in FROM.items()
]


class SettingsForm(forms.Form):
    use_required_attribute = False

    toasts_from = forms.ChoiceField(
        label="Show at once",
        choices=TOASTS,
        help_text="What is less grave waits behind the bell.",
        required=False,
    )
    quiet_from = forms.CharField(label="Quiet from", required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_until = forms.CharField(
        label="Quiet until",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}),
    )
    zone = forms.CharField(
        label="Time zone",
        required=False,
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "maxlength": 64}),
    )
    on_desktop = forms.BooleanField(
        label="Show them on the desktop as well",
        help_text="While Daybook lies in a tab that you do not look at. Your browser asks whether it may.",
        required=False,
    )
    muted_jobs = forms.TypedMultipleChoiceField(
        label="Muted jobs",
        help_text="Uncheck those that you want to hear of again.",
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    mute = forms.CharField(
        label="Mute another job",
        help_text="By its short name or its number.",
        required=False,
        widget=forms.TextInput(attrs={"list": "job-names", "autocomplete": "off", "maxlength": 200}),
    )

    def __init__(self, data: Any, user: AbstractBaseUser, now: Preferences, zone: str) -> None:
        quiet = now.quiet_hours
        super().__init__(
            data,
            initial={
                "toasts_from": now.toasts_from,
                "quiet_from": f"{quiet.starts:%H:%M}" if quiet else "",
                "quiet_until": f"{quiet.ends:%H:%M}" if quiet else "",
                "zone": zone if quiet is None and now.zone == "UTC" else now.zone,
                "on_desktop": now.on_desktop,
                "muted_jobs": list(now.muted_jobs),
            },
            label_suffix="",
        )
        self.user = user
        muted = self.fields["muted_jobs"]
        assert isinstance(muted, forms.TypedMultipleChoiceField)
        muted.choices = _named(user, now.muted_jobs)
        if not now.muted_jobs:
            del self.fields["muted_jobs"]

    def clean_mute(self) -> int | None:
        name = str(self.cleaned_data["mute"]).strip().replace("\x00", "")
        if not name:
            return None
        number = number_of(name)
        fits = Q(slug=name) if number is None else Q(slug=name) | Q(pk=number)
        found = list(preferences.jobs_to_mute(self.user).filter(fits).order_by("pk")[:2])
        if len(found) != 1:
            words = (
                "There is no such job that you can see." if not found else "Several jobs have this name; use a number."
            )
            raise forms.ValidationError(words)
        return found[0].pk

    def data_of(self) -> dict[str, Any]:
        """As `preferences.change` takes it."""
        entered = self.cleaned_data
        quiet = None
        if entered["quiet_from"] or entered["quiet_until"]:
            quiet = {"from": entered["quiet_from"], "until": entered["quiet_until"]}
        mute = [entered["mute"]] if entered.get("mute") else []
        return {
            "toasts_from": entered["toasts_from"],
            "on_desktop": entered["on_desktop"],
            "quiet_hours": quiet,
            "zone": entered["zone"] or "UTC",
            "muted_jobs": [*entered.get("muted_jobs", []), *mute],
        }

    def take(self, problems: Mapping[str, list[str]]) -> None:
        """Put each complaint of the judge where it belongs."""
        places = {"quiet_hours.from": "quiet_from", "quiet_hours.until": "quiet_until"}
        for path, messages in problems.items():
            name = places.get(path, path.partition("[")[0])
            self.add_error(name if name in self.fields else None, messages)


def job_names(user: AbstractBaseUser) -> list[tuple[str, str]]:
    return list(preferences.jobs_to_mute(user).order_by("name").values_list("slug", "name")[:OFFERED])


def _named(user: AbstractBaseUser, ids: Iterable[int]) -> list[tuple[int, str]]:
    """Jobs that the person cannot see any more are named by their numbers."""
    wanted = list(ids)
    names = dict(preferences.jobs_to_mute(user).filter(pk__in=wanted).values_list("pk", "name"))
    return [(pk, names.get(pk, f"Job {pk}")) for pk in wanted]
