"""django-celery-beat's own pages: usable, and harmless to the rows that mirror our jobs."""

from __future__ import annotations

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from jobs.models import Job
from tests.jobs.admin.conftest import Browser, job_url
from tests.jobs.api.conftest import MakeJob

ROWS = "/admin/django_celery_beat/periodictask/"


@pytest.fixture
def mirror(job_of: MakeJob) -> PeriodicTask:
    """The row of a job that was made here."""
    row = PeriodicTask.objects.filter(pk=Job.objects.get(pk=job_of(name="Ours").pk).periodic_task_id).first()
    assert row is not None
    assert row.name.startswith("daybook:")
    return row


@pytest.fixture
def other(db: None) -> PeriodicTask:
    every = IntervalSchedule.objects.create(every=10, period="minutes")
    return PeriodicTask.objects.create(name="made elsewhere", task="some.task", interval=every)


def change(row: PeriodicTask) -> str:
    return reverse("admin:django_celery_beat_periodictask_change", args=[row.pk])


class TestList:
    def test_hides_mirrors_until_asked(self, mirror: PeriodicTask, other: PeriodicTask, as_root: Browser) -> None:
        assert mirror.name not in as_root.text(ROWS)
        assert other.name in as_root.text(ROWS)
        assert mirror.name in as_root.text(ROWS, made_by="daybook")
        job = Job.objects.get(periodic_task_id=mirror.pk)
        assert f'<a href="{job_url(job)}">Ours</a>' in as_root.text(ROWS, made_by="all")

    def test_is_closed_to_those_without_djangos_permission(self, as_ana: Browser) -> None:
        assert as_ana.get(ROWS).status_code == 403


class TestMirror:
    def test_is_shown_with_a_link_and_not_changed(self, mirror: PeriodicTask, as_root: Browser) -> None:
        page = as_root.text(change(mirror))
        job = Job.objects.get(periodic_task_id=mirror.pk)
        assert "This row mirrors a job" in page
        assert job_url(job) in page
        assert 'name="_save"' not in page
        assert as_root.post(change(mirror), {"name": "hijacked"}).status_code == 403
        assert (
            as_root.post(reverse("admin:django_celery_beat_periodictask_delete", args=[mirror.pk])).status_code == 403
        )

    @pytest.mark.parametrize("action", ["disable_tasks", "toggle_tasks", "delete_selected"])
    def test_is_left_alone_by_bulk_actions(
        self, action: str, mirror: PeriodicTask, other: PeriodicTask, as_root: Browser
    ) -> None:
        data = {"action": action, ACTION_CHECKBOX_NAME: [mirror.pk, other.pk], "post": "yes"}
        as_root.post(f"{ROWS}?made_by=all", data)
        mirror.refresh_from_db()
        assert mirror.enabled
        assert not PeriodicTask.objects.filter(pk=other.pk, enabled=True).exists()


class TestOtherRows:
    def test_are_edited_as_ever(self, other: PeriodicTask, as_root: Browser) -> None:
        page = as_root.text(change(other))
        assert "<script>" not in page
        assert "<script id=" not in page.replace('<script id="django-admin', "")
        data = {
            "name": "renamed",
            "task": "some.task",
            "interval": other.interval_id,
            "args": "[]",
            "kwargs": "{}",
            "headers": "{}",
        }
        response = as_root.post(change(other), data)
        assert response.status_code == 302, response.context["errors"]
        other.refresh_from_db()
        assert other.name == "renamed"

    def test_can_be_added(self, as_root: Browser) -> None:
        assert as_root.get("/admin/django_celery_beat/periodictask/add/").status_code == 200
