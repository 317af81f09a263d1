"""Pools and releases that workers refuse."""

from __future__ import annotations

import subprocess
import sys

import pytest
from celery.concurrency import get_implementation
from django.core.checks import run_checks

from jobs.execution import pools, releases
from tests.live import PROJECT, environment


class TestRefusals:
    @pytest.mark.parametrize("pool", ["prefork", "processes", get_implementation("prefork")])
    def test_are_none_for_processes(self, pool: object) -> None:
        assert pools.refusals(pool) == []

    @pytest.mark.parametrize("pool", ["threads", "solo", "gevent", "eventlet", get_implementation("threads")])
    def test_name_the_pool_and_what_would_be_right(self, pool: object) -> None:
        assert "`--pool prefork`" in pools.refusals(pool)[0]

    @pytest.mark.parametrize(("release", "is_refused"), [("5.6.3", True), ("5.7.0", False), ("5.10.1", False)])
    def test_are_made_of_releases_that_go_deaf(self, release: str, is_refused: bool) -> None:
        assert bool(releases.refusals(lambda name: release)) == is_refused


class TestChecks:
    def test_find_nothing_here(self) -> None:
        assert [message.id for message in run_checks() if str(message.id).startswith("daybook.E2")] == []

    def test_find_a_pool_in_the_settings(self, settings: pytest.FixtureRequest) -> None:
        settings.CELERY_WORKER_POOL = "threads"  # type: ignore[attr-defined]
        assert [message.id for message in run_checks() if str(message.id).startswith("daybook.E2")] == ["daybook.E201"]


@pytest.mark.acceptance
@pytest.mark.parametrize("pool", ["threads", "solo"])
@pytest.mark.django_db
def test_a_worker_with_another_pool_does_not_start(pool: str) -> None:
    command = [sys.executable, "-m", "celery", "-A", "scheduler_project", "worker", "--pool", pool]
    ended = subprocess.run(
        command, cwd=PROJECT, env=environment("worker"), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "cannot end a run that is past its limit" in ended.stderr
    assert "Traceback" not in ended.stderr
