"""Every page, light and dark, on a desk and on a phone: no violation, no complaint, no sideways scrolling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from playwright.sync_api import Page, expect

from accounts import keys
from accounts.models import AuditEntry, Membership
from accounts.scopes import Scope
from jobs import calendars, dependencies, drafts, hooks, maintenance, pools, registry, webhooks
from jobs.admin.wizard.steps import STEPS
from jobs.drafts import Entered
from jobs.models import HookCall, Job, LogLine, QueueCanary, SchedulerLease, WebhookDelivery, Worker
from jobs.tick.leader import NAME
from notifications.channels import changes as channels
from notifications.inbox import marking, readers
from notifications.inbox.writing import Entry, tell
from notifications.models import Channel, Delivery, Notification
from notifications.rulebook import changes, preferences
from notifications.rulebook.changes import Editor
from notifications.rules.kinds import Severity
from scheduler_project.lib import sql
from templates_registry.models import TemplateVersion
from tests.browser.conftest import DESKTOP, PHONE, SignIn, Visit
from tests.cast import Cast
from tests.jobs.admin.test_job_page import decide_one_tick
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

in_both_sizes = pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desk", "phone"])
AXE = {"resultTypes": ["violations"], "preload": False, "rules": {"target-size": {"enabled": True}}}
TABS = ("runs", "decisions", "parameters", "versions&one=1&other=2", "connections", "notifications")
NARROW = {"width": 320, "height": 640}
PARTS = 3


def only(*rules: str) -> dict[str, Any]:
    return {"resultTypes": ["violations"], "preload": False, "runOnly": list(rules)}


# Colours are all that differs between light and dark, so a page is opened once for both.
COLOURS = only("color-contrast", "link-in-text-block")
# What depends on the width: where things are, and which of them can be seen.
LAYOUT = only(
    "color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable", "aria-hidden-focus",
    "button-name", "link-name", "label", "select-name", "summary-name",
)  # fmt: skip
FRAME = [["#header"], ["#console-nav"], ["#footer"]]  # is the same around every page
RUN = """
([context, options]) => axe.run(context, options).then(({ violations }) =>
  violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)}`)))
"""
MEASURES = """
() => [
  document.querySelectorAll("h1").length,
  document.documentElement.scrollWidth - document.documentElement.clientWidth,
]
"""


def violations(page: Page, options: Mapping[str, Any] = AXE, *, without: Sequence[Sequence[str]] = ()) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(RUN, [{"exclude": list(without)}, dict(options)])
    return found


def faults(visit: Visit, path: str, options: Mapping[str, Any] = AXE, **rest: Any) -> list[str]:
    """What is wrong with a page, once its parts have come."""
    page = visit.open(path)
    expect(page.locator(".htmx-request")).to_have_count(0)
    found = [f"{path} {violation}" for violation in violations(page, options, **rest)]
    headings, excess = page.evaluate(MEASURES)
    if headings != 1:
        found.append(f"{path} has {headings} h1")
    if excess > 0:
        found.append(f"{path} is {excess} px too wide")
    return found


def violations_in_both_schemes(page: Page) -> list[str]:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")  # no colour that is on its way to another
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    return [*found, *(f"dark: {violation}" for violation in violations(page, COLOURS))]


def faults_in_both_schemes(visit: Visit, path: str, **rest: Any) -> list[str]:
    visit.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    found = faults(visit, path, **rest)
    visit.page.emulate_media(color_scheme="dark")
    return [*found, *(f"{path} dark: {violation}" for violation in violations(visit.page, COLOURS, **rest))]


def faults_of_all(visit: Visit, paths: Iterable[str]) -> list[str]:
    """The frame is looked at around the first."""
    first, *others = paths
    found = faults_in_both_schemes(visit, first)
    return found + [fault for path in others for fault in faults_in_both_schemes(visit, path, without=FRAME)]


@pytest.fixture
def everything(cast: Cast, job_of: MakeJob, run_of: RunJob) -> dict[str, Any]:
    """One of each thing that a page can show, with long names and errors."""
    long = "Invoices to the warehouse (full reload of the legacy billing system, until the migration ends)"
    job = job_of(
        name=long, tags=["finance", "needs-an-owner"], description="One\ntwo", parameters={"token": "hunter2"},
        schedule={"kind": "cron", "cron": "* * * * *", "timezone": "America/New_York"},
    )  # fmt: skip
    failed, running = run_of(job, "failed"), run_of(job_of(name="Running"), "running")
    succeeded = run_of(job, "succeeded")
    LogLine.objects.bulk_create(
        LogLine(execution=failed, sequence=number, attempt=1, logged_at=sql.now(), level=level, message="word " * 60)
        for number, level in enumerate(("debug", "info", "warning", "error"), start=1)
    )
    decide_one_tick(job)
    registry.pause(job_of(name="Paused").pk, actor="user:ana", note="Until Tuesday")
    registry.archive(job_of(name="Archived").pk, actor="user:ana")
    broken = job_of(name="Broken")
    Job.objects.filter(pk=broken.pk).update(problem="The schedule cannot be evaluated.", next_tick_at=None)
    now = sql.now()
    Worker.objects.create(
        name="worker@host", hostname="host", pid=1, queues=["default"], started_at=now, heartbeat_at=now,
        health="degraded", trouble="The database took 1.5 s for a heartbeat.", concurrency=4, max_memory_mb=512,
        memory=[{"pid": 1, "rss": 10**8, "pss": 10**8}, {"pid": 2, "rss": 2 * 10**8, "pss": 10**8}],
        draining_since=now, drains_until=now + timedelta(minutes=1),
    )  # fmt: skip
    Worker.objects.create(
        name="gone@host", hostname="host", pid=1, queues=["default"], started_at=now,
        heartbeat_at=now - timedelta(hours=1),
    )  # fmt: skip
    QueueCanary.objects.create(queue="default", asked_at=now, sent_at=now, deaf_since=now)
    SchedulerLease.objects.update_or_create(
        name=NAME,
        defaults={
            "holder": "host:1:abc", "epoch": 1, "acquired_at": now, "ticked_at": now,
            "expires_at": now + timedelta(hours=1),
        },
    )  # fmt: skip
    every = IntervalSchedule.objects.create(every=10, period="minutes")
    row = PeriodicTask.objects.create(name="made elsewhere", task="some.task", interval=every)
    key, _ = keys.create(tenant=cast.acme, name="a program", scopes=Scope.values)
    freeze = {"name": "Freeze", "starts_at": "2026-12-23T16:00:00Z", "ends_at": "2027-01-04T00:00:00Z"}
    data = {"name": "Office", "weekdays": [0, 1, 2], "holidays": ["2026-12-25"], "blackouts": [freeze]}
    calendar = calendars.create(data, tenant=cast.acme, actor="user:ana")
    pool = pools.create({"name": "Vendor API", "size": 3}, tenant=cast.acme, actor="user:ana")
    registry.change(job.pk, {"calendars": ["office"], "pool": "vendor-api"}, actor="user:ana")
    draft = drafts.start(user_id=cast.root.pk, tenant=cast.acme, template=job.template)
    drafts.save(draft.pk, Entered(0, frozenset(["name"]), {"name": [long]}, {"token": "hunter2"}, step=5))
    edge = dependencies.add(job.pk, job_of(name="Report").pk, {"condition": "always"}, actor="user:ana")
    nights = {"name": long[:100], "job": job.pk, "in_row": 3, "users": ["olaf", "vera"], "zone": "America/New_York"}
    nights |= {"quiet_hours": {"from": "22:00", "until": "07:00"}}
    rule = changes.create(nights, tenant=cast.acme, by=Editor("user:ana"))
    about = {"path": "/admin/", "job": {"id": job.pk, "name": long}}
    for number, severity in enumerate(Severity):
        whose = None if number % 2 else cast.root.pk
        told = Entry(cast.acme.pk, whose, "job.failed", severity.value, f"{long} failed"[:200], "No rows. " * 40, about)
        tell([told])
    marking.read_one(readers.of_user(cast.root), Notification.objects.latest("pk").pk)
    preferences.mute(cast.root, job.pk, actor="user:root", is_muted=True)
    maintenance.start(actor="user:root", note="Moving the database to new disks", until=now + timedelta(hours=1))
    return {
        "job": job, "failed": failed, "running": running, "succeeded": succeeded, "broken": broken, "row": row,
        **hook_and_webhook_of(job), **channel_and_sending_of(job),
        "key": key, "calendar": calendar, "pool": pool, "draft": draft, "edge": edge,
        "rule": rule,
    }  # fmt: skip


def hook_and_webhook_of(job: Job) -> dict[str, Any]:
    mapping = {"text": "/head_commit/message"}
    hook, _ = hooks.create(job.pk, {"name": "Deployed", "mapping": mapping}, actor="user:ana")
    HookCall.objects.create(hook=hook, at=sql.now(), outcome="refused", message="Greet is paused.", body="0" * 64)
    url = "https://chat.example.com/a/path/that/is/long/and/has/no/place/to/break/it/at/all"
    webhook, _ = webhooks.create({"name": "Chat", "url": url}, tenant=job.tenant, actor="user:ana")
    entry = {"at": "2026-11-21T09:00:00+00:00", "seconds": 0.2, "status": 500, "answer": "no " * 100, "error": ""}
    for number, state in enumerate(("dead", "delivered")):
        WebhookDelivery.objects.create(
            webhook=webhook, tenant=job.tenant, execution_id=number, event="failed", payload={}, status=state,
            log=[entry], tries=31, give_up_at=sql.now(), reason="Given up after 31 tries." if state == "dead" else "",
        )  # fmt: skip
    return {"hook": hook, "webhook": webhook}


def channel_and_sending_of(job: Job) -> dict[str, Any]:
    url = "https://chat.example.com/a/path/that/is/long/and/has/no/place/to/break/it/at/all"
    data = {"name": "Chat of the night shift", "kind": "webhook", "config": {"url": url}}
    channel, _ = channels.create(data, tenant=job.tenant, actor="user:ana")
    Channel.objects.filter(pk=channel.pk).update(failures_in_row=5, open_until=sql.now() + timedelta(hours=1))
    entry = {"at": "2026-11-21T09:00:00+00:00", "seconds": 0.2, "status": 500, "answer": "no " * 100, "error": ""}
    facts = {"kind": "failed", "job": {"id": job.pk, "name": job.name}, "error": "word " * 60}
    sending = Delivery.objects.create(
        channel=channel, tenant=job.tenant, type="job.failed", severity="error", group_key="x", facts=facts, count=6,
        status="dead", log=[entry], tries=31, give_up_at=sql.now(), reason="Given up after 31 tries.",
    )  # fmt: skip
    return {"channel": channel, "sending": sending}


def pages(everything: dict[str, Any], cast: Cast) -> list[str]:
    def of(name: str, *ids: object) -> str:
        return reverse(f"admin:{name}", args=ids)

    job = everything["job"]
    mirror = Job.objects.get(pk=everything["broken"].pk).periodic_task_id
    return [
        "/admin/?all=1", "/admin/settings/",
        "/admin/jobs/job/", "/admin/jobs/job/?q=nothing", "/admin/jobs/job/?state=archived",
        "/admin/jobs/job/import/", "/admin/find/?q=ru", "/admin/find/?q=nothing-of-that-name", of("run_job", job.pk),
        "/admin/signed-in/",
        of("jobs_job_page", job.pk), of("jobs_job_page", everything["broken"].pk), of("jobs_job_change", job.pk),
        of("jobs_job_why", job.pk), of("jobs_job_switch", job.pk, "disable"), of("jobs_job_dependencies", job.pk),
        *(f"{of('jobs_job_page', job.pk)}?tab={tab}" for tab in TABS), of("jobs_job_restore", job.pk, 1),
        of("jobs_pipelines"), of("jobs_pipeline_run", job.pk),
        *(f"{of('jobs_pipeline', job.pk)}?view={view}" for view in ("graph", "table", "runs")),
        of("jobs_job_dependency", everything["edge"].downstream_id, everything["edge"].pk),
        of("jobs_execution_why", everything["failed"].pk), of("jobs_execution_edit", everything["failed"].pk),
        of("jobs_job_archive", job.pk), of("jobs_job_add"), f"{of('jobs_job_add')}?template=echo",
        *(of("jobs_job_draft_step", everything["draft"].token, step.slug) for step in STEPS),
        "/admin/jobs/execution/", f"/admin/jobs/execution/?job={job.pk}", "/admin/jobs/execution/?status=lost",
        *(of("jobs_execution_change", everything[name].pk) for name in ("failed", "running", "succeeded")),
        "/admin/jobs/tick/", "/admin/jobs/worker/", f"{of('jobs_queue_pause')}?queue=default",
        "/admin/jobs/jobrevision/", "/admin/jobs/maintenance/",
        "/admin/jobs/circuitevent/",
        "/admin/jobs/calendar/", of("jobs_calendar_add"), of("jobs_calendar_change", everything["calendar"].pk),
        of("jobs_calendar_remove", everything["calendar"].pk),
        "/admin/jobs/webhook/", of("jobs_webhook_add"), of("jobs_webhook_change", everything["webhook"].pk),
        of("jobs_webhook_remove", everything["webhook"].pk), of("jobs_eventhook_new", job.pk),
        of("jobs_eventhook_change", everything["hook"].pk), of("jobs_eventhook_remove", everything["hook"].pk),
        of("notifications"), f"{of('notifications')}?state=unread&q=nothing", of("notification_settings"),
        of("notification_rules"), of("notification_rule_add"), of("notification_rule", everything["rule"].pk),
        of("notification_rule_remove", everything["rule"].pk), of("notification_default_rule", "acme"),
        of("notification_channels"), of("notification_channel_new"), f"{of('notification_channel_new')}?kind=email",
        of("notification_channel", everything["channel"].pk), of("notification_deliveries"),
        of("notification_channel_remove", everything["channel"].pk),
        of("notification_delivery", everything["sending"].pk), f"{of('notification_deliveries')}?status=waiting",
        "/admin/jobs/pool/", of("jobs_pool_add"), of("jobs_pool_change", everything["pool"].pk),
        of("jobs_pool_delete", everything["pool"].pk), "/admin/jobs/forecasthour/", "/admin/jobs/backfill/",
        *(f"/admin/jobs/forecasthour/?{view}" for view in ("view=calendar", "view=list", "view=load", "as=table")),
        of("jobs_backfill_start", job.pk), of("jobs_jobrevision_change", job.revisions.earliest("number").pk),
        "/admin/templates_registry/templateversion/",
        of("templates_registry_templateversion_change", TemplateVersion.objects.get(name="echo").pk),
        of("templates_registry_playground"), "/admin/templates_registry/templateversion/?q=nothing",
        "/admin/accounts/auditentry/", of("accounts_auditentry_change", AuditEntry.objects.latest("id").pk),
        "/admin/accounts/auditentry/sample/", "/admin/accounts/apirequest/",
        "/admin/accounts/apikey/", "/admin/accounts/apikey/add/", of("accounts_apikey_change", everything["key"].pk),
        "/admin/accounts/ratelimit/", "/admin/accounts/ratelimit/add/",
        "/admin/accounts/tenant/", of("accounts_tenant_change", cast.acme.pk), "/admin/accounts/membership/",
        of("accounts_membership_change", Membership.objects.get(user=cast.ana).pk),
        "/admin/auth/user/", "/admin/auth/user/add/", of("auth_user_change", cast.ana.pk), "/admin/auth/group/add/",
        "/admin/password_change/", "/admin/django_celery_beat/", "/admin/django_celery_beat/periodictask/?made_by=all",
        of("django_celery_beat_periodictask_change", everything["row"].pk),
        of("django_celery_beat_periodictask_change", mirror), of("django_celery_beat_periodictask_delete",
        everything["row"].pk), "/admin/django_celery_beat/crontabschedule/", "/admin/django_celery_results/",
        "/admin/django_celery_results/taskresult/",
    ]  # fmt: skip


@pytest.mark.parametrize("part", range(PARTS))
class TestEveryPage:
    """In parts, so that several workers share them; the frame is looked at around the first page of each."""

    def test_is_sound_light_and_dark(self, part: int, everything: dict[str, Any], cast: Cast, visit: SignIn) -> None:
        as_root = visit(cast.root, reduced_motion="reduce")  # colours change at once
        assert faults_of_all(as_root, pages(everything, cast)[part::PARTS]) == []

    def test_fits_a_phone(self, part: int, everything: dict[str, Any], cast: Cast, visit: SignIn) -> None:
        as_root = visit(cast.root, viewport=PHONE, reduced_motion="reduce")
        first, *others = pages(everything, cast)[part::PARTS]
        found = [fault for path in others for fault in faults(as_root, path, LAYOUT, without=FRAME)]
        assert found + faults_in_both_schemes(as_root, first) == []


@in_both_sizes
class TestFewPages:
    def test_of_the_entrance_is_sound(self, viewport: Any, cast: Cast, visit: SignIn) -> None:
        stranger = visit(None, viewport=viewport, reduced_motion="reduce")
        assert faults_in_both_schemes(stranger, "/admin/login/") == []
        stranger.page.get_by_label("Username").fill("ana")
        stranger.page.get_by_label("Password").fill("wrong")
        stranger.page.get_by_role("button", name="Log in").click()
        assert violations_in_both_schemes(stranger.page) == []

    def test_with_a_refused_form_is_sound(
        self, viewport: Any, everything: dict[str, Any], cast: Cast, visit: SignIn
    ) -> None:
        as_ana = visit(cast.ana, viewport=viewport, reduced_motion="reduce")
        page = as_ana.open(f"/admin/jobs/job/{everything['job'].pk}/change/")
        for fold in page.locator("details").all():
            fold.evaluate("fold => { fold.open = true; }")
        assert violations_in_both_schemes(page) == []
        page.get_by_label("Expression", exact=True).check()
        page.get_by_label("Cron expression").fill("nonsense")
        page.get_by_role("button", name="Save changes").click()
        expect(page.locator("#error-summary")).to_be_visible()
        assert violations_in_both_schemes(page) == []

    def test_that_is_empty_is_sound(self, viewport: Any, cast: Cast, visit: SignIn) -> None:
        as_vera = visit(cast.vera, viewport=viewport, reduced_motion="reduce")
        names = ("", "jobs/job/", "jobs/execution/", "jobs/tick/", "jobs/worker/", "jobs/deadletter/")
        assert faults_of_all(as_vera, [f"/admin/{name}" for name in names]) == []


class TestTheme:
    def test_can_be_chosen_against_the_system(self, everything: dict[str, Any], cast: Cast, visit: SignIn) -> None:
        """Dark chosen where the system is light, and the other way round."""
        for scheme, chosen in (("light", "dark"), ("dark", "light")):
            as_root = visit(cast.root, scheme=scheme)
            page = as_root.open("/admin/")
            while page.locator("html").get_attribute("data-theme") != chosen:
                page.locator(".theme-toggle").click()
            for path in ("/admin/", "/admin/jobs/job/", "/admin/jobs/job/add/?template=echo"):
                assert faults(as_root, path) == []


class TestKeyboard:
    def test_skips_to_the_content(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.vera).open("/admin/jobs/job/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#content-start")).to_be_focused()

    def test_shows_where_it_is(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        """Each stop has an outline of at least two pixels."""
        job_of()
        page = visit(cast.ana).open("/admin/jobs/job/")
        outline = "getComputedStyle(document.activeElement).outlineWidth"
        for _ in range(25):
            page.keyboard.press("Tab")
            name = page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
            assert float(page.evaluate(outline).removesuffix("px")) >= 2, name

    def test_opens_and_closes_the_menu_of_a_phone(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.vera, viewport=PHONE).open("/admin/")
        menu = page.get_by_role("navigation", name="Console")
        expect(menu).to_be_hidden()
        page.get_by_role("button", name="Menu").press("Enter")
        expect(menu.get_by_role("link", name="Dashboard")).to_be_focused()
        page.keyboard.press("Escape")
        expect(menu).to_be_hidden()
        expect(page.get_by_role("button", name="Menu")).to_be_focused()


class TestReflow:
    def test_needs_no_sideways_scrolling_at_320_pixels(
        self, everything: dict[str, Any], cast: Cast, visit: SignIn
    ) -> None:
        as_ana = visit(cast.ana, viewport=NARROW)
        job, failed = everything["job"], everything["failed"]
        for path in (
            "/admin/", "/admin/jobs/job/", reverse("admin:jobs_job_page", args=[job.pk]),
            reverse("admin:jobs_job_change", args=[job.pk]),
            reverse("admin:jobs_execution_change", args=[failed.pk]), "/admin/jobs/execution/",
        ):  # fmt: skip
            page = as_ana.open(path)
            excess = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(excess) <= 0, path


class TestErrors:
    @pytest.mark.parametrize(
        ("path", "words"), [("/admin/nowhere/", "Not found"), ("/admin/auth/user/", "Not allowed")]
    )
    def test_have_a_page_of_their_own(self, path: str, words: str, cast: Cast, visit: SignIn) -> None:
        as_ana = visit(cast.ana)
        page = as_ana.open(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(words)
        assert violations(page) == []
        as_ana.complaints = [text for text in as_ana.complaints if "Failed to load resource" not in text]
