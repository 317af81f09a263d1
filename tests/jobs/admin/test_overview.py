"""The overview: the numbers, the lists beneath them, and what it says when there is nothing yet."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User

from jobs import registry
from jobs.models import SchedulerLease
from jobs.tick.leader import NAME
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, SignIn
from tests.jobs.api.conftest import MakeJob, RunJob

OVERVIEW = "/admin/"


def tiles(browser: Browser) -> dict[str, object]:
    return {tile.label: tile.value for tile in browser.get(OVERVIEW).context["tiles"]}


class TestOverview:
    def test_counts_what_the_viewer_may_see(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_vera: Browser, as_root: Browser
    ) -> None:
        job = job_of()
        run_of(job, "failed")
        run_of(job, "running")
        registry.pause(job_of().pk, actor="user:ana")
        run_of(job_of(cast.globex), "failed")
        assert tiles(as_vera) == {
            "Active jobs": 1, "Running now": 1, "Failed in 24 hours": 1, "Dead letters": 1, "Paused": 1,
            "Need attention": 0,
        }  # fmt: skip
        assert tiles(as_root)["Failed in 24 hours"] == 2

    def test_lists_failures_with_their_error_and_what_is_due(
        self, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        run_of(job_of(name="Greet all"), "failed")
        page = as_vera.text(OVERVIEW)
        for expected in ("Greet all", "It broke.", "At 09:00 (UTC)", "Nothing is running."):
            assert expected in page

    def test_tells_the_next_steps_when_nothing_is_there(self, as_ana: Browser, as_vera: Browser) -> None:
        assert "Three steps to the first run" in as_ana.text(OVERVIEW)
        assert "Create the first job" in as_ana.text(OVERVIEW)
        assert "Create the first job" not in as_vera.text(OVERVIEW)

    def test_tells_who_leads_and_since_when(self, as_vera: Browser) -> None:
        assert "No scheduler has ever led" in as_vera.text(OVERVIEW)
        now = sql.now()
        lease = SchedulerLease.objects.update_or_create(
            name=NAME,
            defaults={
                "holder": "host:1:abc", "epoch": 3, "acquired_at": now, "ticked_at": now,
                "expires_at": now + timedelta(seconds=10),
            },
        )[0]  # fmt: skip
        page = as_vera.text(OVERVIEW)
        assert "host:1:abc" in page
        assert "epoch 3" in page
        lease.expires_at = now - timedelta(seconds=1)
        lease.save()
        assert "Nobody leads at the moment" in as_vera.text(OVERVIEW)

    def test_tells_a_stranger_how_to_get_in(self, sign_in: SignIn) -> None:
        assert "You belong to no tenant yet" in sign_in(User.objects.create_user("nobody")).text(OVERVIEW)
