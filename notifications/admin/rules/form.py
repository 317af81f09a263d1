"""The form of a rule. It converts what was entered; `notifications.rulebook` is the judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.db.models import Q

from accounts.models import Membership, Tenant
from jobs.models import Job
from jobs.models.choices import choices
from notifications.channels import registry
from notifications.models import Channel
from notifications.rulebook.reader import MOST_A_DAY, MOST_IN_ROW, MOST_MINUTES, MOST_NAME, MOST_TAG, RuleInput, clock
from notifications.rules.kinds import ABOUT, OF_THE_SYSTEM, Kind, Severity

OFFERED = 200  # jobs and people
PLACES = {"quiet_hours": "quiet_from", "quiet_hours.from": "quiet_from", "quiet_hours.until": "quiet_until"}


class RuleForm(forms.Form):
    use_required_attribute = False

    name = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"maxlength": MOST_NAME, "autocomplete": "off"})
    )
    enabled = forms.BooleanField(label="Switched on", required=False)
    job = forms.CharField(
        help_text="By its short name. Empty: all jobs.", required=False,
        widget=forms.TextInput(attrs={"list": "job-names", "autocomplete": "off"}),
    )  # fmt: skip
    tag = forms.CharField(
        help_text="All jobs that have it.", required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": MOST_TAG}),
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(label="Tell when", required=False, widget=forms.CheckboxSelectMultiple)
    in_row = forms.IntegerField(
        label="Failures in a row",
        help_text="1 tells of the first failure, 3 of the third one after another.", required=False,
        widget=forms.NumberInput(attrs={"min": 1, "max": MOST_IN_ROW}),
    )  # fmt: skip
    only_changes = forms.BooleanField(
        label="Only when it changes",
        help_text="One message when a job begins to fail and one when it works again; silence in between.",
        required=False,
    )
    severity = forms.ChoiceField(
        label="Severity", help_text="Decides whether a toast shows, and what passes in quiet hours.", required=False
    )
    to_owner = forms.BooleanField(label="The owner of the job", required=False)
    to_everyone = forms.BooleanField(
        label="Everyone in the tenant", help_text="Each of them reads and clears it for themselves.", required=False
    )
    users = forms.MultipleChoiceField(label="People", required=False, widget=forms.CheckboxSelectMultiple)
    others = forms.CharField(
        label="More people", help_text="User names of other members, with commas between them.", required=False
    )
    channels = forms.TypedMultipleChoiceField(
        label="Channels", coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    group_minutes = forms.IntegerField(
        label="Gather for (minutes)",
        help_text="The first message goes out at once; what follows about the same comes as one message so much later.",
        required=False,
        widget=forms.NumberInput(attrs={"min": 0, "max": MOST_MINUTES}),
    )
    daily_cap = forms.IntegerField(
        label="Messages a day, at most",
        help_text="To each person and channel. The rest of the day is counted in one more.", required=False,
        widget=forms.NumberInput(attrs={"min": 1, "max": MOST_A_DAY}),
    )  # fmt: skip
    quiet_from = forms.CharField(label="Quiet from", required=False, widget=forms.TextInput(attrs={"type": "time"}))
    quiet_until = forms.CharField(label="Quiet until", required=False, widget=forms.TextInput(attrs={"type": "time"}))
    zone = forms.CharField(
        label="Time zone", help_text="Of the quiet hours, and of the day that messages are counted by.", required=False,
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )  # fmt: skip
    quiet_passes = forms.ChoiceField(
        label="Sent all the same",
        help_text="In quiet hours channels wait; from this severity on they do not.",
        choices=[
            (value, label if value == Severity.CRITICAL else f"{label} and worse") for value, label in choices(Severity)
        ],
        required=False,
    )
    expected_updated_at = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any, *, rule: RuleInput, tenant: Tenant, version: str = "", asks_system: bool = False
    ) -> None:
        self.tenant = tenant
        self.chosen = _names(rule.users)
        super().__init__(data, initial={**_initial(rule, self.chosen), "expected_updated_at": version}, label_suffix="")
        offered = [kind for kind in Kind if asks_system or kind not in OF_THE_SYSTEM or kind.value in rule.kinds]
        self._choose("kinds", ((kind.value, ABOUT[kind].label) for kind in offered))
        self._choose("severity", [("", "By what happened"), *choices(Severity)])
        people = _members(tenant)
        self._choose("users", ((name, name) for name in sorted({*people, *self.chosen})))
        ways = list(Channel.objects.filter(tenant=tenant).order_by("name").values_list("pk", "name", "kind"))
        self._choose("channels", ((pk, f"{name} ({registry.type_of(kind).label})") for pk, name, kind in ways))
        self.has_channels = bool(ways)
        if len(people) < OFFERED:
            del self.fields["others"]

    def _choose(self, name: str, found: Iterable[tuple[Any, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(found)

    def close(self) -> None:
        for field in self.fields.values():
            field.disabled = True

    def leave_out(self, *names: str) -> None:
        for name in names:
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """The job by its short name, or by its number."""
        cleaned: dict[str, Any] = super().clean() or {}
        if name := str(cleaned.get("job") or "").strip():
            is_number = name.isascii() and name.isdigit() and len(name) < 19
            fits = Q(slug=name) | Q(pk=int(name)) if is_number else Q(slug=name)
            found = list(Job.objects.filter(fits, tenant=self.tenant).order_by("pk")[:2])
            cleaned["job"] = next((job for job in found if job.slug == name), found[0] if found else None)
            if not found:
                self.add_error("job", f"{self.tenant} has no job with the short name {name}.")
        return cleaned

    def job_names(self) -> list[tuple[str, str]]:
        jobs = Job.objects.filter(tenant=self.tenant, archived_at=None).order_by("name")
        return list(jobs.values_list("slug", "name")[:OFFERED])

    def to_data(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        data = {name: cleaned[name] for name in AS_THEY_ARE if name in cleaned}
        if "job" in self.fields:
            job = cleaned.get("job") or None
            data["job"] = job.pk if job else None
        others = [name.strip() for name in cleaned.get("others", "").split(",") if name.strip()]
        data["users"] = list(dict.fromkeys([*cleaned.get("users", ()), *others]))
        starts, ends = cleaned.get("quiet_from", ""), cleaned.get("quiet_until", "")
        data["quiet_hours"] = {"from": starts, "until": ends} if starts or ends else None
        data["zone"] = cleaned.get("zone") or "UTC"
        return data

    def take(self, problems: Mapping[str, list[str]]) -> None:
        """Put each complaint of the judge where it belongs."""
        for path, messages in problems.items():
            name = PLACES.get(path, path.partition("[")[0].partition(".")[0])
            if name not in self.errors:  # what could not be converted has been told
                self.add_error(name if name in self.fields else None, messages)


AS_THEY_ARE = (
    *("name", "enabled", "tag", "kinds", "in_row", "only_changes", "severity", "to_owner", "to_everyone", "channels"),
    *("group_minutes", "daily_cap", "quiet_passes"),
)


def _initial(rule: RuleInput, names: list[str]) -> dict[str, Any]:
    quiet = rule.quiet_hours
    times = {"quiet_from": clock(quiet.starts), "quiet_until": clock(quiet.ends)} if quiet else {}
    job = Job.objects.filter(pk=rule.job).values_list("slug", flat=True).first() if rule.job else ""
    return {
        **{name: getattr(rule, name) for name in AS_THEY_ARE},
        **times,
        "zone": rule.zone,
        "users": names,
        "job": job,
    }


def _names(users: Iterable[int]) -> list[str]:
    found = get_user_model().objects.filter(pk__in=list(users)).order_by("username")
    return list(found.values_list("username", flat=True))


def _members(tenant: Tenant) -> list[str]:
    found = Membership.objects.filter(tenant=tenant, user__is_active=True).order_by("user__username")
    return list(found.values_list("user__username", flat=True)[:OFFERED])
