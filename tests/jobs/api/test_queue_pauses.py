"""`POST /api/v1/queues/{queue}/pause` and `resume`."""

from __future__ import annotations

import pytest

from jobs import registry
from jobs.models import PausedQueue
from tests.cast import Cast, ClientOf
from tests.jobs.api.conftest import MakeJob

pytestmark = pytest.mark.django_db

QUEUES = "/api/v1/queues"


class TestPause:
    def test_and_resume_are_shown_by_the_list(self, cast: Cast, client_of: ClientOf, job_of: MakeJob) -> None:
        registry.run_now(job_of(queue="io"), actor="user:ana")
        as_root, as_vera = client_of(cast.root), client_of(cast.vera)
        paused = as_root.send("POST", f"{QUEUES}/io/pause", {"note": "The disk is full"})
        assert (paused.status_code, paused.json()["paused_by"]) == (200, "user:root")
        (shown,) = [queue for queue in as_vera.send("GET", QUEUES).json()["queues"] if queue["queue"] == "io"]
        assert (shown["pause_note"], shown["waiting_total"]) == ("The disk is full", 1)
        again = as_root.send("POST", f"{QUEUES}/io/pause", {"note": "Me too"})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "queue_is_paused")
        assert as_root.send("POST", f"{QUEUES}/io/resume").json()["paused_at"] is None
        assert as_root.send("POST", f"{QUEUES}/io/resume").json()["error"]["code"] == "queue_is_not_paused"

    def test_needs_a_note_and_a_known_queue(self, cast: Cast, client_of: ClientOf, job_of: MakeJob) -> None:
        job_of(queue="io")
        as_root = client_of(cast.root)
        assert as_root.send("POST", f"{QUEUES}/io/pause", {}).status_code == 400
        unknown = as_root.send("POST", f"{QUEUES}/oi/pause", {"note": "A slip"})
        assert (unknown.status_code, "Known are io" in unknown.json()["error"]["message"]) == (404, True)

    def test_of_a_queue_that_nobody_uses_any_more_can_be_ended(self, cast: Cast, client_of: ClientOf) -> None:
        PausedQueue.objects.create(queue="old", paused_at="2026-01-01T00:00Z", paused_by="user:x", note="x")
        assert client_of(cast.root).send("POST", f"{QUEUES}/old/resume").json()["waiting_total"] == 0
