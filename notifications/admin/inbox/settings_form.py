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


QUIET = frozenset({"quiet_from", "quiet_until", "zone"})  # these mean something together only


class SettingsForm(forms.Form):
    """It takes with it what it showed, so that what was not touched stays as it is by then, whoever has changed it."""

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
        for name, field in self.fields.items():
            field.show_hidden_initial = name != "mute"
        muted = self.fields["muted_jobs"]
        assert isinstance(muted, forms.TypedMultipleChoiceField)
        self.shown_jobs = list(now.muted_jobs) if data is None else _numbers(data.getlist("initial-muted_jobs"))
        muted.choices = _named(user, self.shown_jobs)
        if not self.shown_jobs:
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
        """What was touched, as `preferences.change` takes it."""
        entered, touched = self.cleaned_data, set(self.changed_data)
        found: dict[str, Any] = {name: entered[name] for name in ("toasts_from", "on_desktop") if name in touched}
        if touched & QUIET:
            quiet = None
            if entered["quiet_from"] or entered["quiet_until"]:
                quiet = {"from": entered["quiet_from"], "until": entered["quiet_until"]}
            found |= {"quiet_hours": quiet, "zone": entered["zone"] or "UTC"}
        return found

    @property
    def to_mute(self) -> list[int]:
        named = self.cleaned_data.get("mute")
        return [named] if named else []

    @property
    def to_unmute(self) -> list[int]:
        """Those that were shown and are not checked any more."""
        checked = self.cleaned_data.get("muted_jobs", [])
        return [job for job in self.shown_jobs if job not in checked]

    def take(self, problems: Mapping[str, list[str]]) -> None:
        """Put each complaint of the judge where it belongs."""
        places = {"quiet_hours.from": "quiet_from", "quiet_hours.until": "quiet_until"}
        for path, messages in problems.items():
            name = places.get(path, path.partition("[")[0])
            self.add_error(name if name in self.fields else None, messages)


def job_names(user: AbstractBaseUser) -> list[tuple[str, str]]:
    return list(preferences.jobs_to_mute(user).order_by("name").values_list("slug", "name")[:OFFERED])


def _numbers(texts: Iterable[str]) -> list[int]:
    found = (number_of(text) for text in texts)
    return [number for number in found if number is not None][: preferences.MOST_MUTED]


def _named(user: AbstractBaseUser, ids: Iterable[int]) -> list[tuple[int, str]]:
    """Jobs that the person cannot see any more are named by their numbers."""
    wanted = list(ids)
    names = dict(preferences.jobs_to_mute(user).filter(pk__in=wanted).values_list("pk", "name"))
    return [(pk, names.get(pk, f"Job {pk}")) for pk in wanted]
