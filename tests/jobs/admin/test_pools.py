"""Pools in the admin: the list, the form, who may, and the removal."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from jobs import pools, registry
from jobs.models import Job, Pool
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, edit_url, job_url
from tests.jobs.admin.test_job_form import edited
from tests.jobs.api.conftest import MakeJob, untouched

LIST, ADD = "/admin/jobs/pool/", "/admin/jobs/pool/add/"


@pytest.fixture
def vendor(cast: Cast) -> Pool:
    return pools.create({"name": "Vendor API", "size": 3}, tenant=cast.acme, actor="user:ana")


def change_url(pool: Pool) -> str:
    return reverse("admin:jobs_pool_change", args=[pool.pk])


def errors(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


class TestForm:
    def test_makes_a_pool(self, as_ana: Browser, cast: Cast) -> None:
        as_ana.post(ADD, {"tenant": cast.acme.pk, "name": "Vendor API", "slug": "", "size": "3"})
        made = Pool.objects.get()
        assert (made.slug, made.size, made.tenant, made.updated_by) == ("vendor-api", 3, cast.acme, "user:ana")

    def test_changes_its_size(self, as_ana: Browser, vendor: Pool) -> None:
        as_ana.post(change_url(vendor), {"name": "Vendor API", "size": "5"})
        vendor.refresh_from_db()
        assert (vendor.size, vendor.slug) == (5, "vendor-api")

    @pytest.mark.parametrize(
        ("entered", "field"),
        [
            ({"size": "0"}, "size"),
            ({"size": "-4"}, "size"),
            ({"size": "1001"}, "size"),
            ({"name": ""}, "name"),
            ({"slug": "No!"}, "slug"),
        ],
    )
    def test_says_what_is_wrong_at_the_field(
        self, as_ana: Browser, cast: Cast, entered: dict[str, str], field: str
    ) -> None:
        data = {"tenant": cast.acme.pk, "name": "Vendor", "slug": "", "size": "3", **entered}
        with untouched():
            response = as_ana.post(ADD, data)
        assert set(errors(response)) == {field}

    def test_names_the_sizes_that_are_right(self, as_ana: Browser, cast: Cast) -> None:
        response = as_ana.post(ADD, {"tenant": cast.acme.pk, "name": "Vendor", "slug": "", "size": "-4"})
        assert errors(response)["size"] == ["Write a whole number from 1 to 1000: how many runs at once."]

    def test_refuses_a_slug_that_is_taken(self, as_ana: Browser, cast: Cast, vendor: Pool) -> None:
        with untouched():
            response = as_ana.post(ADD, {"tenant": cast.acme.pk, "name": "Vendor API", "slug": "", "size": "3"})
        assert "vendor-api" in errors(response)["slug"][0]


class TestList:
    def test_shows_how_many_slots_are_taken(self, as_ana: Browser, vendor: Pool, job_of: MakeJob) -> None:
        job = job_of(pool="vendor-api", name="Sync")
        registry.run_now(job, actor="user:ana")
        text = as_ana.text(LIST)
        assert "0 of 3 taken" in text
        assert "1 waiting" in text
        assert "Sync" in text

    def test_says_what_a_pool_is_when_there_is_none(self, as_ana: Browser) -> None:
        assert "Create the first pool" in as_ana.text(LIST)


class TestRemoval:
    def test_removes_what_no_job_names(self, as_ana: Browser, vendor: Pool) -> None:
        as_ana.post(reverse("admin:jobs_pool_delete", args=[vendor.pk]), {"post": "yes"})
        assert not Pool.objects.exists()

    def test_keeps_what_jobs_name(self, as_ana: Browser, vendor: Pool, job_of: MakeJob) -> None:
        job = job_of(pool="vendor-api")
        path = reverse("admin:jobs_pool_delete", args=[vendor.pk])
        assert job.name in as_ana.text(path)
        assert "Take them out of it first" in as_ana.told(as_ana.post(path))[0]
        assert Pool.objects.exists()


class TestWhoMay:
    def test_viewers_only_look(self, as_vera: Browser, vendor: Pool) -> None:
        assert "Vendor API" in as_vera.text(LIST)
        assert as_vera.get(ADD).status_code == 403
        assert "Vendor API" in as_vera.text(change_url(vendor))
        with untouched():
            as_vera.post(change_url(vendor), {"name": "Mine", "size": "5"})

    def test_other_tenants_see_nothing(self, as_gita: Browser, vendor: Pool) -> None:
        assert "Vendor API" not in as_gita.text(LIST)
        assert as_gita.get(change_url(vendor)).status_code == 403

    def test_nobody_makes_one_for_another_tenant(self, as_ana: Browser, cast: Cast) -> None:
        with untouched():
            as_ana.post(ADD, {"tenant": cast.globex.pk, "name": "Vendor", "slug": "", "size": "3"})


class TestJob:
    def test_is_put_into_a_pool_by_its_form(self, as_ana: Browser, vendor: Pool, job_of: MakeJob) -> None:
        job = job_of()
        as_ana.post(edit_url(job), edited(job, pool="vendor-api"))
        assert Job.objects.get(pk=job.pk).pool == vendor
        assert "3 at once" in as_ana.text(job_url(job))
