"""Letters of one cause are one group."""

from __future__ import annotations

import pytest

from accounts.models import Tenant
from jobs import dead_letters, executions, registry
from jobs.models import DeadLetter, Job
from jobs.rules.policy import JobPolicy
from tests.jobs.dead_letters.conftest import ONCE, MakeJob, bury, end

pytestmark = pytest.mark.django_db


def groups_of(**narrower: object) -> list[dead_letters.Group]:
    found = dead_letters.find(DeadLetter.objects.all(), state="open", **narrower)  # type: ignore[arg-type]
    return dead_letters.groups(list(dead_letters.grouped(found)))


class TestGroups:
    def test_join_what_differs_in_numbers_only(self, job: Job) -> None:
        first = bury(job, error="Order 7 is gone.")
        last = bury(job, error="Order 1234 is gone.")
        (group,) = groups_of()
        assert (group.count, group.example) == (2, last)
        assert (group.first_at, group.last_at) == (first.died_at, last.died_at)

    def test_part_causes_and_jobs(self, job: Job, make_job: MakeJob) -> None:
        bury(job, error="Order 7 is gone.")
        bury(job, error="Order 7 is unpaid.")
        bury(make_job(policies=ONCE), error="Order 7 is gone.")
        assert [group.count for group in groups_of()] == [1, 1, 1]
        assert len(groups_of(job=job.pk)) == 2

    def test_join_runs_without_a_job_by_their_template(self, tenant: Tenant, job: Job) -> None:
        for _ in range(2):
            execution_id = executions.submit(
                tenant_id=tenant.pk,
                template_id=job.template_id,
                parameters={},
                policy=JobPolicy(max_retries=0),
                queue="default",
                priority=6,
                requested_by="key:a",
            )
            end(execution_id)
        bury(job)
        assert sorted((group.count, group.example.job_id is None) for group in groups_of()) == [(1, False), (2, True)]

    def test_leave_out_what_is_closed(self, job: Job) -> None:
        dead_letters.discard(bury(job).pk, actor="user:test", note="known")
        bury(job)
        assert [group.count for group in groups_of()] == [1]

    def test_are_found_by_any_of_their_letters(self, job: Job) -> None:
        letters = [bury(job, error=f"Order {number} is gone.") for number in range(3)]
        bury(job, error="It rains.")
        for letter in letters:
            assert set(dead_letters.group_of(letter)) == set(letters)


def test_a_letter_is_found_by_what_narrows_it(job: Job, make_job: MakeJob) -> None:
    letter = bury(job)
    other = bury(make_job(policies=ONCE), error_class="KeyError")
    narrower: list[dict[str, object]] = [
        {"job": job.pk},
        {"fingerprint": letter.fingerprint},
        {"until": other.died_at},
    ]
    for one in narrower:
        assert list(dead_letters.find(DeadLetter.objects.all(), **one)) == [letter]  # type: ignore[arg-type]
    assert list(dead_letters.find(DeadLetter.objects.all(), template="echo", tenant="default")) == [other, letter]


def test_archived_jobs_keep_their_letters(job: Job) -> None:
    letter = bury(job)
    registry.archive(job.pk, actor="user:test")
    assert [group.example for group in groups_of()] == [letter]


class TestExpectedCount:
    """Whoever agreed to two letters does not take up a third that came meanwhile."""

    def test_refuses_what_was_not_agreed_to(self, job: Job) -> None:
        letter = bury(job, error="Order 7 is gone.")
        bury(job, error="Order 8 is gone.")
        for act in (
            lambda: dead_letters.start(letter.pk, actor="user:ana", expected=1),
            lambda: dead_letters.discard_group(letter.pk, actor="user:ana", note="known", expected=3),
        ):
            with pytest.raises(dead_letters.CountHasChanged, match="2 letters of the group are open now"):
                act()
        assert groups_of()[0].count == 2

    def test_lets_the_same_number_pass(self, job: Job) -> None:
        letter = bury(job, error="Order 7 is gone.")
        assert dead_letters.discard_group(letter.pk, actor="user:ana", note="known", expected=1) == 1
