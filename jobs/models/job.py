"""Jobs and every revision of them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant
from jobs.models.choices import choices, is_known
from jobs.models.pool import Pool
from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import ScheduleSpec
from jobs.rules.states import PRIORITIES, ExecutionStatus, Mode, Origin
from templates_registry.models import TemplateVersion

# Most jobs name none, and are spared an entry each time that they advance.
NAMES_CALENDARS = ~models.Q(calendars=[])
# What the leader looks for each second; few jobs are in these indexes. The policy is a JSON number there, or null.
PAUSE_ENDS = models.Q(paused_until__isnull=False)
FAILS_IN_ROW = models.Q(
    failures_in_row__gt=0, policy__pause_after_failures__gt=0, paused_at__isnull=True, archived_at__isnull=True
)


class Job(models.Model):
    """A template with parameters and a schedule. Written by `jobs.registry`, except the progress fields at the end."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="jobs")
    slug = models.SlugField(max_length=100)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    template = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="jobs")
    parameters = models.JSONField(default=dict, blank=True)
    spec = models.JSONField(help_text="The schedule, as jobs.rules.schedule.ScheduleSpec writes it")
    policy = models.JSONField(default=dict, help_text="As jobs.rules.policy.JobPolicy writes it")
    queue = models.CharField(max_length=100, default="default")
    priority = models.PositiveSmallIntegerField(
        choices=[(number, name.capitalize()) for name, number in PRIORITIES.items()], default=PRIORITIES["normal"]
    )
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    calendars = ArrayField(models.SlugField(max_length=60), default=list, blank=True)
    pool = models.ForeignKey(Pool, null=True, blank=True, on_delete=models.PROTECT, related_name="jobs")
    has_gates = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Its ticks wait for those of other jobs"
    )
    has_successors = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Other jobs follow it or wait for it"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="owned_jobs"
    )
    origin = models.CharField(max_length=10, choices=choices(Origin), default=Origin.NATIVE.value)
    mode = models.CharField(max_length=10, choices=choices(Mode), default=Mode.LIVE.value)
    # No database constraint: whoever deletes an adopted row by SQL must be able to; the resync then archives the job.
    periodic_task = models.OneToOneField(
        "django_celery_beat.PeriodicTask",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="daybook_job",
    )

    is_enabled = models.BooleanField(default=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=200, blank=True, default="")
    pause_note = models.CharField(max_length=500, blank=True, default="")
    paused_until = models.DateTimeField(null=True, blank=True, help_text="From here on ticks fire again")
    archived_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False, help_text="Kept by a trigger")

    # Progress of the schedule, written by the ledger.
    next_tick_at = models.DateTimeField(null=True, blank=True, editable=False)
    fired_count = models.PositiveBigIntegerField(default=0, editable=False)
    problem = models.TextField(blank=True, default="", editable=False, help_text="Why the job is quarantined")
    undecided_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The first tick that a quarantine left undecided"
    )

    # What became of the last execution, written from the events.
    last_execution_id = models.BigIntegerField(null=True, blank=True, editable=False)
    last_status = models.CharField(max_length=10, choices=choices(ExecutionStatus), blank=True, default="")
    last_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    failures_in_row = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        db_table = "dynamic_jobs"
        ordering = ["name"]
        permissions = [
            ("run_sub_minute", "Can schedule jobs more often than their template allows"),
            ("approve_run", "Can approve and refuse runs in tenants where they may run jobs"),
            ("adopt_unlisted_task", "Can save django-celery-beat rows whose task is not on the list of task functions"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="one_job_per_slug_and_tenant"),
            models.CheckConstraint(
                condition=models.Q(priority__in=tuple(PRIORITIES.values())), name="job_priority_is_known"
            ),
            is_known("origin", Origin, "job_origin_is_known"),
            is_known("mode", Mode, "job_mode_is_known"),
            models.CheckConstraint(
                condition=models.Q(archived_at=None) | models.Q(next_tick_at=None),
                name="archived_jobs_have_no_next_tick",
            ),
        ]
        indexes = [
            models.Index(fields=["next_tick_at"], condition=models.Q(next_tick_at__isnull=False), name="jobs_due_next"),
            models.Index(
                fields=["undecided_since"],
                condition=models.Q(undecided_since__isnull=False),
                name="jobs_in_quarantine",
            ),
            models.Index(fields=["tenant", "name"], name="jobs_by_tenant"),
            GinIndex(fields=["tags"], name="jobs_by_tag"),
            GinIndex(fields=["calendars"], condition=NAMES_CALENDARS, name="jobs_by_calendar"),
            models.Index(fields=["paused_until"], condition=PAUSE_ENDS, name="jobs_paused_until"),
            models.Index(fields=["id"], condition=FAILS_IN_ROW, name="jobs_failing_in_row"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def schedule(self) -> ScheduleSpec:
        return ScheduleSpec.from_json(self.spec)

    @property
    def policies(self) -> JobPolicy:
        return JobPolicy.from_json(self.policy)

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None


class JobRevision(models.Model):
    """The full definition of a job from `valid_from` on. Append-only, held by a trigger."""

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    valid_from = models.DateTimeField()
    change = models.CharField(max_length=40, help_text="created, changed, paused, resumed, disabled, archived, …")
    note = models.CharField(max_length=500, blank=True, default="")
    actor = models.CharField(max_length=200, help_text="user:<name>, key:<prefix> or system:<part>")
    definition = models.JSONField()
    engine_version = models.CharField(max_length=40)
    tzdata_version = models.CharField(max_length=40)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "job_revisions"
        ordering = ["job", "-number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="one_revision_per_job_and_number")]

    def __str__(self) -> str:
        return f"{self.job_id} revision {self.number}"
