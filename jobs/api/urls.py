"""Routes under /api/v1/."""

from __future__ import annotations

from django.urls import re_path

from jobs.api.backfills import BackfillViewSet, JobBackfillViewSet
from jobs.api.bulk import ExecutionBulkViewSet, JobBulkViewSet
from jobs.api.calendars import CalendarViewSet
from jobs.api.catalogues import JobTypeViewSet, TaskFunctionViewSet
from jobs.api.circuits import CircuitViewSet
from jobs.api.clones import CloneViewSet
from jobs.api.dashboard import DashboardViewSet
from jobs.api.dead_letters import DeadLetterViewSet, ReplayViewSet
from jobs.api.dependencies import DependencyListViewSet, DependencyViewSet, FlowViewSet, JobDependencyViewSet
from jobs.api.event_hooks import EventHookViewSet, JobHookViewSet
from jobs.api.executions import ExecutionViewSet
from jobs.api.explain import ExecutionExplanationViewSet, JobExplanationViewSet, TickExplanationViewSet
from jobs.api.forecasts import ForecastViewSet
from jobs.api.hooks import HookView
from jobs.api.impact import ImpactViewSet
from jobs.api.job_history import JobHistoryViewSet
from jobs.api.jobs import JobViewSet
from jobs.api.maintenance import MaintenanceViewSet
from jobs.api.pictures import PictureViewSet
from jobs.api.pools import PoolViewSet
from jobs.api.reconciliation import ReconciliationViewSet, SystemReconciliationViewSet
from jobs.api.restores import RestoreViewSet
from jobs.api.retries import RetryViewSet
from jobs.api.saved_views import SavedViewViewSet
from jobs.api.scheduler import SchedulerViewSet
from jobs.api.schedules import ScheduleViewSet
from jobs.api.tasks import TaskViewSet
from jobs.api.templates import TemplateViewSet
from jobs.api.transfers import ExportViewSet, ImportViewSet
from jobs.api.validation import ValidationViewSet
from jobs.api.webhooks import DeliveryViewSet, WebhookViewSet
from jobs.api.workers import QueueViewSet, WorkerViewSet
from scheduler_project.api.routing import ID, route

QUEUE = "(?P<queue>[A-Za-z0-9][A-Za-z0-9_.-]{0,99})"
NAME = "(?P<name>[a-z][a-z0-9_]{0,62})"


urlpatterns = [
    route("templates", TemplateViewSet, "template-list", get="list"),
    route(f"templates/{NAME}", TemplateViewSet, "template-detail", get="retrieve"),
    route(f"templates/{NAME}/versions", TemplateViewSet, "template-versions", get="versions"),
    route("jobs", JobViewSet, "job-list", get="list", post="create"),
    route("jobs/export", ExportViewSet, "job-export", get="export"),
    route("jobs/import", ImportViewSet, "job-import", post="apply"),
    route("jobs/validate", ValidationViewSet, "job-validate", post="validate"),
    route(f"jobs/{ID}/clone", CloneViewSet, "job-clone", post="clone"),
    route(f"jobs/{ID}/reconcile", ReconciliationViewSet, "job-reconcile", post="reconcile"),
    route("scheduler/reconcile", SystemReconciliationViewSet, "scheduler-reconcile", post="reconcile"),
    route("jobs/bulk", JobBulkViewSet, "job-bulk", post="apply"),
    route("executions/bulk", ExecutionBulkViewSet, "execution-bulk", post="apply"),
    route(
        f"jobs/{ID}",
        JobViewSet,
        "job-detail",
        get="retrieve",
        put="update",
        patch="partial_update",
        delete="destroy",
    ),
    *(
        route(f"jobs/{ID}/{action}", JobViewSet, f"job-{action}", post=action)
        for action in ("run", "pause", "resume", "enable", "disable")
    ),
    *(
        route(f"jobs/{ID}/{action}", JobHistoryViewSet, f"job-{action}", get=action)
        for action in ("preview", "executions", "ticks", "revisions")
    ),
    route(f"jobs/{ID}/revisions/(?P<number>[0-9]{{1,9}})/restore", RestoreViewSet, "job-restore", post="restore"),
    route(f"jobs/{ID}/impact", ImpactViewSet, "job-impact", post="impact"),
    route(f"jobs/{ID}/explain", JobExplanationViewSet, "job-explain", get="explain"),
    route(
        f"jobs/{ID}/ticks/(?P<tick_id>[0-9]{{1,18}})/explain",
        JobExplanationViewSet,
        "job-tick-explain",
        get="explain_tick",
    ),
    route(f"ticks/{ID}/explain", TickExplanationViewSet, "tick-explain", get="explain"),
    route(f"executions/{ID}/explain", ExecutionExplanationViewSet, "execution-explain", get="explain"),
    route(f"jobs/{ID}/backfills", JobBackfillViewSet, "job-backfills", get="list", post="start"),
    route(f"backfills/{ID}", BackfillViewSet, "backfill-detail", get="retrieve"),
    route(f"backfills/{ID}/cancel", BackfillViewSet, "backfill-cancel", post="cancel"),
    route(f"jobs/{ID}/dependencies", JobDependencyViewSet, "job-dependencies", get="retrieve", post="create"),
    route("dependencies", DependencyListViewSet, "dependency-list", get="list", post="create"),
    route(r"dependencies/graph\.svg", PictureViewSet, "dependency-drawn-graph", get="draw"),
    route("dependencies/graph", DependencyListViewSet, "dependency-graph", get="graph"),
    route(
        f"dependencies/{ID}",
        DependencyViewSet,
        "dependency-detail",
        get="retrieve",
        patch="partial_update",
        delete="destroy",
    ),
    route(f"executions/{ID}/flow", FlowViewSet, "execution-flow", get="flow"),
    route(f"jobs/{ID}/hooks", JobHookViewSet, "job-hooks", get="list", post="create"),
    route(
        f"event-hooks/{ID}",
        EventHookViewSet,
        "event-hook-detail",
        get="retrieve",
        patch="partial_update",
        delete="destroy",
    ),
    route(f"event-hooks/{ID}/rotate", EventHookViewSet, "event-hook-rotate", post="rotate"),
    route(f"event-hooks/{ID}/calls", EventHookViewSet, "event-hook-calls", get="calls"),
    re_path("^hooks/(?P<public_id>[A-Za-z0-9_-]{1,64})/?$", HookView.as_view(), name="hook-call"),
    route("webhooks", WebhookViewSet, "webhook-list", get="list", post="create"),
    route(
        f"webhooks/{ID}",
        WebhookViewSet,
        "webhook-detail",
        get="retrieve",
        patch="partial_update",
        delete="destroy",
    ),
    route(f"webhooks/{ID}/rotate", WebhookViewSet, "webhook-rotate", post="rotate"),
    route(f"webhooks/{ID}/test", WebhookViewSet, "webhook-test", post="test"),
    route(f"webhooks/{ID}/deliveries", WebhookViewSet, "webhook-deliveries", get="deliveries"),
    route(f"webhook-deliveries/{ID}", DeliveryViewSet, "delivery-detail", get="retrieve"),
    route(f"webhook-deliveries/{ID}/redeliver", DeliveryViewSet, "delivery-redeliver", post="redeliver"),
    route("forecast", ForecastViewSet, "forecast", get="forecast"),
    route("upcoming", ForecastViewSet, "upcoming", get="upcoming"),
    route("schedules/preview", ScheduleViewSet, "schedule-preview", post="preview"),
    route("executions", ExecutionViewSet, "execution-list", get="list", patch="change_all"),
    route(f"executions/{ID}", ExecutionViewSet, "execution-detail", get="retrieve", patch="change"),
    route(f"executions/{ID}/log", ExecutionViewSet, "execution-log", get="log"),
    route(f"executions/{ID}/log/raw", ExecutionViewSet, "execution-log-raw", get="raw_log"),
    route(f"executions/{ID}/cancel", ExecutionViewSet, "execution-cancel", post="cancel"),
    route("tasks", TaskViewSet, "task-list", get="list", post="create"),
    route(f"tasks/{ID}", TaskViewSet, "task-detail", get="retrieve", delete="cancel"),
    route(f"executions/{ID}/approve", ExecutionViewSet, "execution-approve", post="approve"),
    route(f"executions/{ID}/refuse", ExecutionViewSet, "execution-refuse", post="refuse"),
    route(f"executions/{ID}/rerun", ExecutionViewSet, "execution-rerun", post="rerun"),
    route(f"executions/{ID}/retry-now", RetryViewSet, "execution-retry-now", post="retry_now"),
    route(f"executions/{ID}/give-up", RetryViewSet, "execution-give-up", post="give_up"),
    route("dead-letters", DeadLetterViewSet, "dead-letter-list", get="list"),
    route("dead-letters/groups", DeadLetterViewSet, "dead-letter-groups", get="groups"),
    route("dead-letters/replays", ReplayViewSet, "replay-list", get="list"),
    route(f"dead-letters/replays/{ID}", ReplayViewSet, "replay-detail", get="retrieve"),
    route(f"dead-letters/replays/{ID}/cancel", ReplayViewSet, "replay-cancel", post="cancel"),
    route(f"dead-letters/{ID}", DeadLetterViewSet, "dead-letter-detail", get="retrieve"),
    *(
        route(f"dead-letters/{ID}/{path}", DeadLetterViewSet, f"dead-letter-{path}", post=path.replace("-", "_"))
        for path in ("replay", "replay-group", "discard", "discard-group", "restore")
    ),
    route("calendars", CalendarViewSet, "calendar-list", get="list", post="create"),
    route(
        f"calendars/{ID}",
        CalendarViewSet,
        "calendar-detail",
        get="retrieve",
        put="update",
        patch="partial_update",
        delete="destroy",
    ),
    route(f"calendars/{ID}/preview", CalendarViewSet, "calendar-preview", get="preview"),
    route("saved-views", SavedViewViewSet, "saved-view-list", get="list", post="create"),
    route(
        f"saved-views/{ID}",
        SavedViewViewSet,
        "saved-view-detail",
        get="retrieve",
        patch="partial_update",
        delete="destroy",
    ),
    route("pools", PoolViewSet, "pool-list", get="list", post="create"),
    route(f"pools/{ID}", PoolViewSet, "pool-detail", get="retrieve", patch="partial_update", delete="destroy"),
    route(
        "scheduler/maintenance", MaintenanceViewSet, "scheduler-maintenance", get="retrieve", post="start", delete="end"
    ),
    route("circuits", CircuitViewSet, "circuit-list", get="list"),
    route(r"circuits/(?P<name>[A-Za-z0-9._:\[\]-]{1,300})/reset", CircuitViewSet, "circuit-reset", post="reset"),
    route("workers", WorkerViewSet, "worker-list", get="list"),
    route(f"workers/{ID}", WorkerViewSet, "worker-detail", get="retrieve"),
    route("queues", QueueViewSet, "queues", get="queues"),
    route(f"queues/{QUEUE}/pause", QueueViewSet, "queue-pause", post="pause"),
    route(f"queues/{QUEUE}/resume", QueueViewSet, "queue-resume", post="resume"),
    route("scheduler/status", SchedulerViewSet, "scheduler-status", get="status"),
    route("scheduler/stats", DashboardViewSet, "scheduler-stats", get="stats"),
    route("scheduler/jobs-tree", DashboardViewSet, "scheduler-jobs-tree", get="jobs_tree"),
    route("scheduler/execution-log", DashboardViewSet, "scheduler-execution-log", get="execution_log"),
    route("scheduler/events", DashboardViewSet, "scheduler-events", get="events"),
    *(
        pattern
        for path, viewset, name in (
            ("scheduler/job-types", JobTypeViewSet, "job-type"),
            ("scheduler/task-functions", TaskFunctionViewSet, "task-function"),
        )
        for pattern in (
            route(path, viewset, f"{name}-list", get="list", post="create"),
            route(
                f"{path}/{ID}",
                viewset,
                f"{name}-detail",
                get="retrieve",
                patch="partial_update",
                delete="destroy",
            ),
        )
    ),
]
