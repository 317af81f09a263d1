"""The editor of a rule: what is saved, what is refused and where, and the preview."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from accounts.models import AuditEntry
from notifications.models import Channel, Rule
from notifications.rulebook import changes
from notifications.rulebook.changes import Editor
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser
from tests.jobs.api.conftest import MakeJob, RunJob

ADD = reverse("admin:notification_rule_add")
LIST = reverse("admin:notification_rules")
PREVIEW = reverse("admin:notification_rule_preview")
DEFAULT = reverse("admin:notification_default_rule", args=["acme"])
ENTERED = {
    "name": "Nights",
    "enabled": "on",
    "tag": "night",
    "kinds": ["failed", "recovered"],
    "in_row": "2",
    "only_changes": "on",
    "users": ["olaf"],
    "group_minutes": "10",
    "daily_cap": "20",
    "quiet_passes": "critical",
    "quiet_from": "22:00",
    "quiet_until": "07:00",
    "zone": "Europe/Berlin",
}


def rule_of(cast: Cast, **data: Any) -> Rule:
    return changes.create({"name": "Nights", **data}, tenant=cast.acme, by=Editor("user:ana"))


class TestEditor:
    def test_makes_a_rule_of_what_is_entered(self, cast: Cast, as_ana: Browser) -> None:
        channel = Channel.objects.create(tenant=cast.acme, name="Ops", kind="slack")
        response = as_ana.post(ADD, {**ENTERED, "channels": [channel.pk]})
        assert response.headers["Location"] == LIST, response.content.decode()
        rule = Rule.objects.get()
        assert (rule.name, rule.tag, rule.kinds, rule.in_row) == ("Nights", "night", ["failed", "recovered"], 2)
        assert (rule.to_owner, rule.only_changes, rule.zone) == (False, True, "Europe/Berlin")
        assert (str(rule.quiet_from), str(rule.quiet_until)) == ("22:00:00", "07:00:00")
        assert [user.username for user in rule.users.all()] == ["olaf"]
        assert list(rule.channels.all()) == [channel]
        assert AuditEntry.objects.get(action="notification_rule.created").actor == "user:ana"

    def test_shows_what_is_stored_and_saves_it_unchanged(self, cast: Cast, as_ana: Browser, job_of: MakeJob) -> None:
        rule = rule_of(
            cast, job=job_of(slug="nightly").pk, users=["vera"], quiet_hours={"from": "23:00", "until": "05:30"}
        )
        before = changes.RuleInput.of(rule)
        page = as_ana.get(reverse("admin:notification_rule", args=[rule.pk]))
        form = page.context["form"]
        shown = {name: form[name].value() for name in form.fields}
        assert (shown["job"], shown["users"], shown["quiet_until"]) == ("nightly", ["vera"], "05:30")
        entered = {
            name: "on" if value is True else value for name, value in shown.items() if value not in (None, False)
        }
        response = as_ana.post(reverse("admin:notification_rule", args=[rule.pk]), entered)
        assert response.status_code == 302, page.context["errors"]
        rule.refresh_from_db()
        assert changes.RuleInput.of(rule) == before

    def test_tells_each_mistake_at_its_field(self, cast: Cast, as_ana: Browser) -> None:
        wrong = {**ENTERED, "name": "", "job": "nowhere", "in_row": "many", "quiet_until": "", "zone": "Moon"}
        page = as_ana.post(ADD, {**wrong, "users": ["gita"]})
        told = {target for target, _, _ in page.context["errors"]}
        assert told == {
            *("id_name", "id_job", "id_in_row", "id_quiet_until", "id_zone", "id_users_0"),
        }, page.context["errors"]
        again = as_ana.post(ADD, {**ENTERED, "name": "", "kinds": [], "quiet_until": "", "zone": "Moon", "in_row": "0"})
        found = {target for target, _, _ in again.context["errors"]}
        assert found == {"id_name", "id_kinds_0", "id_quiet_until", "id_zone", "id_in_row"}
        assert not Rule.objects.exists()

    def test_refuses_to_overwrite_what_somebody_else_has_changed(self, cast: Cast, as_ana: Browser) -> None:
        rule = rule_of(cast)
        url = reverse("admin:notification_rule", args=[rule.pk])
        version = as_ana.get(url).context["form"]["expected_updated_at"].value()
        changes.change(rule.pk, {"in_row": 7}, by=Editor("user:olaf"))
        page = as_ana.post(url, {**ENTERED, "expected_updated_at": version})
        assert "user:olaf has changed Nights" in page.content.decode()
        rule.refresh_from_db()
        assert rule.in_row == 7

    def test_offers_the_kinds_of_the_system_to_superusers(self, as_ana: Browser, as_root: Browser) -> None:
        assert "A worker is in trouble" not in as_ana.text(ADD, tenant="acme")
        assert "A worker is in trouble" in as_root.text(ADD, tenant="acme")

    def test_is_closed_to_those_who_only_look(self, cast: Cast, as_vera: Browser, as_gita: Browser) -> None:
        rule = rule_of(cast)
        url = reverse("admin:notification_rule", args=[rule.pk])
        assert "Save changes" not in as_vera.text(url)
        assert as_vera.post(url, ENTERED).status_code == 403
        assert as_vera.get(ADD).status_code == 403
        for name in ("", "_switch", "_remove"):
            assert as_gita.post(reverse(f"admin:notification_rule{name}", args=[rule.pk])).status_code == 403
        assert as_gita.get(DEFAULT).status_code == 403
        assert as_gita.post(f"{PREVIEW}?tenant=acme", ENTERED).status_code == 403
        assert as_vera.get(reverse("admin:notification_rule", args=[rule.pk + 1])).status_code == 404


class TestDefault:
    def test_is_changed_switched_and_put_back(self, as_ana: Browser) -> None:
        assert "Put back" not in as_ana.text(DEFAULT)
        form = as_ana.get(DEFAULT).context["form"]
        assert "job" not in form.fields
        assert as_ana.told(as_ana.post(DEFAULT, ENTERED)) == ["Changed Nights. It holds for what happens from now on."]
        assert Rule.objects.get().is_default
        switched = as_ana.post(reverse("admin:notification_default_rule_switch", args=["acme"]), {"enabled": "0"})
        assert as_ana.told(switched) == ["Switched Nights off: nothing is told by it."]
        assert "switched off" in as_ana.text(LIST)
        assert "Put back" in as_ana.text(DEFAULT)
        removal = reverse("admin:notification_default_rule_remove", args=["acme"])
        assert "Put the default rule back?" in as_ana.text(removal)
        as_ana.post(removal)
        assert not Rule.objects.exists()

    def test_is_not_overwritten_by_who_saw_it_before_somebody_changed_it_or_put_it_back(
        self, cast: Cast, as_ana: Browser
    ) -> None:
        def version() -> Any:
            return as_ana.get(DEFAULT).context["form"]["expected_updated_at"].value()

        built_in, olaf = version(), Editor("user:olaf")
        changes.change_default({"in_row": 7}, tenant=cast.acme, by=olaf)
        page = as_ana.post(DEFAULT, {**ENTERED, "expected_updated_at": built_in})
        assert "user:olaf has changed" in page.content.decode()
        assert Rule.objects.get().in_row == 7
        changed = version()
        changes.put_back_default(tenant=cast.acme, by=olaf)
        page = as_ana.post(DEFAULT, {**ENTERED, "expected_updated_at": changed})
        assert "Somebody has put the default rule back" in page.content.decode()
        assert not Rule.objects.exists()


class TestRemoval:
    def test_asks_first(self, cast: Cast, as_ana: Browser) -> None:
        rule = rule_of(cast)
        url = reverse("admin:notification_rule_remove", args=[rule.pk])
        assert "Remove Nights?" in as_ana.text(url)
        assert Rule.objects.exists()
        assert as_ana.told(as_ana.post(url)) == ["Removed Nights."]
        assert not Rule.objects.exists()


class TestPreview:
    def test_says_who_would_have_heard_what(self, as_ana: Browser, job_of: MakeJob, run_of: RunJob) -> None:
        job = job_of(tags=["night"])
        for ending in ("failed", "failed", "failed", "succeeded", "failed"):
            run_of(job, ending)
        run_of(job_of(), "failed")
        told = as_ana.post(PREVIEW, ENTERED).content.decode()
        assert "Jobs with the tag night:" in told
        assert "“A run failed” 1 time," in told  # the second of the first three; the last one is the first of its own
        assert "“A run succeeded after failures” 1 time." in told
        assert '<th scope="row">olaf</th><td class="number">2</td>' in told

    def test_says_what_is_missing(self, as_ana: Browser) -> None:
        told = as_ana.post(PREVIEW, {**ENTERED, "kinds": [], "name": ""}).content.decode()
        assert "Kinds: Write a list of" in told
        assert "would have told" not in told

    def test_shows_on_the_page_without_scripts(self, as_ana: Browser) -> None:
        page = as_ana.post(ADD, {**ENTERED, "_preview": ""}).content.decode()
        assert "It would have told nobody anything." in page
        assert not Rule.objects.exists()
