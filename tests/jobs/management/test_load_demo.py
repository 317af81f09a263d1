"""The demonstration jobs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from jobs.models import Job


@pytest.mark.django_db
class TestLoadDemo:
    def test_loads_jobs_of_three_templates_and_one_for_every_minute(self) -> None:
        call_command("load_demo")
        assert len(set(Job.objects.values_list("template__name", flat=True))) == 3
        assert Job.objects.filter(spec__cron="* * * * *").exists()

    def test_gives_them_to_the_first_superuser_who_hears_of_them(self) -> None:
        User.objects.create_user("vera")
        root = User.objects.create_superuser("root")
        User.objects.create_superuser("rita")
        call_command("load_demo")
        assert set(Job.objects.values_list("owner_id", flat=True)) == {root.pk}

    def test_changes_nothing_the_second_time(self) -> None:
        call_command("load_demo")
        before = list(Job.objects.order_by("id").values_list("id", "revision"))
        call_command("load_demo")
        assert list(Job.objects.order_by("id").values_list("id", "revision")) == before
