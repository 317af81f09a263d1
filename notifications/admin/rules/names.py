"""Reads the names of what rules name: jobs, people and channels, once for all rules of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth import get_user_model

from jobs.models import Job
from notifications.models import Channel
from notifications.rules.rule import RuleFacts


@dataclass(frozen=True)
class Names:
    jobs: dict[int, str]
    people: dict[int, str]
    channels: dict[int, str]

    @classmethod
    def of(cls, rules: Sequence[RuleFacts]) -> Names:
        jobs = Job.objects.filter(pk__in={rule.job_id for rule in rules if rule.job_id})
        people = get_user_model().objects.filter(pk__in={user for rule in rules for user in rule.user_ids})
        channels = Channel.objects.filter(pk__in={channel for rule in rules for channel in rule.channel_ids})
        return cls(
            dict(jobs.values_list("pk", "name")),
            dict(people.values_list("pk", "username")),
            dict(channels.values_list("pk", "name")),
        )
