"""Fixtures of the admin's tests: signed-in members of the cast, jobs and executions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from jobs.models import Job
from templates_registry.models import TemplateVersion
from tests.cast import Cast
from tests.jobs.api.conftest import job_of, run_of, untouched

__all__ = ["job_of", "run_of", "untouched"]


class Browser(Client):
    """A signed-in client that says what a page shows."""

    def text(self, path: str, **query: Any) -> str:
        """The page, which must be there."""
        response = self.get(path, query)
        assert response.status_code == 200, response
        return response.content.decode()

    def do(self, job: Job, name: str, **data: Any) -> HttpResponse:
        response: HttpResponse = self.post(reverse("admin:jobs_job_do", args=[job.pk, name]), data)
        return response

    def told(self, response: HttpResponse) -> list[str]:
        """The messages that the next page shows."""
        page = self.get(response.headers["Location"])
        return [str(message) for message in page.context["messages"]]


SignIn = Callable[[User], Browser]


@pytest.fixture
def sign_in(cast: Cast) -> SignIn:
    """A client for a member of staff."""

    def make(user: User) -> Browser:
        user.is_staff = True
        user.save()
        browser = Browser()
        browser.force_login(user)
        return browser

    return make


@pytest.fixture
def as_ana(sign_in: SignIn, cast: Cast) -> Browser:
    return sign_in(cast.ana)


@pytest.fixture
def as_olaf(sign_in: SignIn, cast: Cast) -> Browser:
    return sign_in(cast.olaf)


@pytest.fixture
def as_vera(sign_in: SignIn, cast: Cast) -> Browser:
    return sign_in(cast.vera)


@pytest.fixture
def as_gita(sign_in: SignIn, cast: Cast) -> Browser:
    return sign_in(cast.gita)


@pytest.fixture
def as_root(sign_in: SignIn, cast: Cast) -> Browser:
    return sign_in(cast.root)


@pytest.fixture
def echo(db: None) -> TemplateVersion:
    return TemplateVersion.objects.get(name="echo")


def job_url(job: Job) -> str:
    return reverse("admin:jobs_job_page", args=[job.pk])


def edit_url(job: Job) -> str:
    return reverse("admin:jobs_job_change", args=[job.pk])


JOBS = "/admin/jobs/job/"
EXECUTIONS = "/admin/jobs/execution/"
TICKS = "/admin/jobs/tick/"
WORKERS = "/admin/jobs/worker/"
REVISIONS = "/admin/jobs/jobrevision/"
TEMPLATES = "/admin/templates_registry/templateversion/"
KEYS = "/admin/accounts/apikey/"
