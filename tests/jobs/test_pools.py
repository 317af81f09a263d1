"""Changes of pools, and the jobs that name them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.models import Tenant
from jobs import pools, registry
from jobs.definition import InvalidJob
from jobs.models import Execution, Job, JobRevision, Pool
from jobs.pools import InvalidPool, PoolInUse

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool(tenant: Tenant) -> Pool:
    return pools.create({"name": "Vendor API", "size": 3}, tenant=tenant, actor="user:ana")


class TestCreate:
    def test_makes_the_slug_of_the_name(self, pool: Pool) -> None:
        assert (pool.slug, pool.size, pool.updated_by) == ("vendor-api", 3, "user:ana")

    @pytest.mark.parametrize(
        ("data", "field"),
        [
            ({"name": "", "size": 3}, "name"),
            ({"name": "A\x00", "size": 3}, "name"),
            ({"name": "A", "size": 0}, "size"),
            ({"name": "A", "size": True}, "size"),
            ({"name": "A", "size": 1001}, "size"),
            ({"name": "A", "size": "3"}, "size"),
            ({"name": "A"}, "size"),
            ({"name": "A", "size": 3, "slug": "No"}, "slug"),
            ({"name": "A", "size": 3, "slots": 4}, "slots"),
            ({"name": "Vendor API", "size": 3}, "slug"),
        ],
    )
    def test_refuses_what_is_no_pool(self, pool: Pool, tenant: Tenant, data: dict[str, object], field: str) -> None:
        with pytest.raises(InvalidPool) as refused:
            pools.create(data, tenant=tenant, actor="user:ana")
        assert set(refused.value.fields) == {field}
        assert Pool.objects.count() == 1


class TestChange:
    def test_changes_what_is_named(self, pool: Pool) -> None:
        pools.change(pool.pk, {"size": 5}, actor="user:ben")
        pool.refresh_from_db()
        assert (pool.name, pool.size, pool.updated_by) == ("Vendor API", 5, "user:ben")

    def test_keeps_the_slug(self, pool: Pool) -> None:
        with pytest.raises(InvalidPool):
            pools.change(pool.pk, {"slug": "other"}, actor="user:ben")


class TestDelete:
    def test_removes_what_no_job_names(self, pool: Pool) -> None:
        pools.delete(pool.pk, actor="user:ana")
        assert not Pool.objects.exists()

    def test_refuses_while_jobs_name_it(self, pool: Pool, make_job: MakeJob) -> None:
        make_job(name="Sync", pool="vendor-api")
        with pytest.raises(PoolInUse, match="Sync"):
            pools.delete(pool.pk, actor="user:ana")


class TestJobs:
    def test_name_their_pool(self, pool: Pool, make_job: MakeJob) -> None:
        job = make_job(pool="vendor-api")
        assert job.pool == pool
        assert JobRevision.objects.get(job=job).definition["pool"] == "vendor-api"
        registry.run_now(job, actor="user:test")
        assert Execution.objects.get().pool_id == pool.pk

    def test_are_refused_when_there_is_no_such_pool(self, pool: Pool, make_job: MakeJob) -> None:
        with pytest.raises(InvalidJob) as refused:
            make_job(pool="other")
        assert refused.value.fields == {"pool": ["Default has no pool other."]}

    def test_leave_it_and_keep_it(self, pool: Pool, make_job: MakeJob) -> None:
        job = make_job(pool="vendor-api")
        assert registry.change(job.pk, {"description": "x"}, actor="user:test").pool == pool
        assert registry.change(job.pk, {"pool": ""}, actor="user:test").pool is None

    def test_cannot_take_another_tenants(self, pool: Pool, make_job: MakeJob) -> None:
        Pool.objects.update(tenant=Tenant.objects.create(slug="other", name="Other"))
        with pytest.raises(InvalidJob):
            make_job(pool="vendor-api")


def test_tells_how_many_slots_are_taken(pool: Pool, make_job: MakeJob) -> None:
    job = make_job(pool="vendor-api", policies={"overlap": "allow"})
    registry.run_now(job, actor="user:test")
    assert pools.use_of([pool])[pool.pk] == pools.Use(running=0, waiting=1)
