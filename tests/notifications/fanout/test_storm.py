"""10,000 failures within a minute, over 1,000 jobs of five owners, by mail and chat to real servers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from django.contrib.auth.models import User
from django.db.models import Sum
from django.db.models.functions import Now

from accounts.models import Membership
from accounts.scopes import Role
from jobs.models import Job
from notifications.fanout import fan_out
from notifications.fanout.fan_out import FanOut
from notifications.models import Channel, Delivery, JobCondition, Notification, Rule
from notifications.rules.grouping import MOST_SEPARATE
from notifications.sending.sender import Sender
from tests.cast import Cast
from tests.mail_servers import MailServer
from tests.notifications.fanout.storms import end
from tests.notifications.sending.conftest import channel_of, loopback, mails, own_circuits, server
from tests.receivers import Receiver

__all__ = ["channel_of", "loopback", "mails", "own_circuits", "server"]

pytestmark = pytest.mark.django_db(transaction=True)

OWNERS, JOBS, FAILURES = 5, 1_000, 10_000


def owners(cast: Cast) -> list[User]:
    made = []
    for number in range(OWNERS):
        user = User.objects.create_user(f"owner{number}", email=f"owner{number}@example.org")
        Membership.objects.create(tenant=cast.acme, user=user, role=Role.AUTHOR)
        made.append(user)
    return made


def jobs_of(people: Sequence[User], job: Job) -> list[int]:
    """Copies of the job, of each person in turn."""
    base = {field.attname: getattr(job, field.attname) for field in Job._meta.concrete_fields if not field.primary_key}
    rows = [
        Job(
            **{
                **base,
                "name": f"Job {number}",
                "slug": f"job-{number}",
                "owner_id": people[number % OWNERS].pk,
                "periodic_task_id": None,
            }
        )
        for number in range(JOBS)
    ]
    return [row.pk for row in Job.objects.bulk_create(rows)]


def test_gives_each_person_and_channel_few_messages_and_the_exact_count(
    cast: Cast,
    job_of: Callable[..., Job],
    channel_of: Callable[..., Channel],
    server: Receiver,
    mails: MailServer,
) -> None:
    people = owners(cast)
    jobs = jobs_of(people, job_of())
    rule = Rule.objects.create(
        tenant=cast.acme, name="All failures", kinds=["failed", "recovered"], only_changes=False, group_minutes=0
    )
    rule.channels.set([channel_of("slack", "/chat"), channel_of("email", config={"to": [], "people": True})])
    fan_out.begin_now()
    fans, sender = FanOut(), Sender()

    begun = time.monotonic()
    for chunk in range(0, FAILURES, 500):
        end([jobs[number % JOBS] for number in range(chunk, chunk + 500)])
        fans.sweep()
        sender.sweep()
    assert time.monotonic() - begun < 60

    assert set(JobCondition.objects.values_list("failures_in_row", flat=True)) == {FAILURES // JOBS}
    rows = Notification.objects.values_list("user__username").annotate(total=Sum("count"))
    assert dict(rows) == {user.username: FAILURES // OWNERS for user in people}
    per_person = Counter(Notification.objects.values_list("user__username", flat=True))
    assert set(per_person.values()) == {MOST_SEPARATE + 1}
    storm = Notification.objects.get(user=people[0], type="digest.storm")
    assert storm.meta["jobs"] == JOBS // OWNERS - MOST_SEPARATE
    assert storm.title.startswith("1,9")

    # The messages that count go out a minute later. Until then each person and the channel have had ten.
    assert (len(server.calls), set(Counter(mails.recipients).values())) == (MOST_SEPARATE, {MOST_SEPARATE})
    Delivery.objects.filter(status="waiting").update(next_try_at=Now(), not_before=Now())
    deadline = time.monotonic() + 30
    while Delivery.objects.filter(status="waiting").exists() and time.monotonic() < deadline:
        sender.sweep()
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
    by_target = {
        (row["channel__kind"], tuple(row["to"])): row["total"]
        for row in Delivery.objects.values("channel__kind", "to").annotate(total=Sum("count"))
    }
    assert by_target == {("slack", ()): FAILURES} | {("email", (user.email,)): FAILURES // OWNERS for user in people}
    assert len(server.calls) == MOST_SEPARATE + 1
    assert Counter(mails.recipients) == {user.email: MOST_SEPARATE + 1 for user in people}
    assert f"{FAILURES - MOST_SEPARATE} more messages" in server.calls[-1].body.decode()
