"""The catalogues: what may stand in them, who learns of it, and that every change leaves a trace."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.audit.models import AuditEntry
from templates_registry import catalogues
from templates_registry.catalogues import EntryIsBuiltIn, InvalidEntry
from templates_registry.job_types import SEEDS
from templates_registry.models import JobType, TaskFunction
from templates_registry.reserved_tasks import OWN_APPS
from templates_registry.schema import check_schema
from tests.cast import Cast, ClientOf, MakeKey

pytestmark = pytest.mark.django_db

OWN = ["scheduler.run_job", *(f"{app}.tasks.anything" for app in OWN_APPS), "celery.backend_cleanup", "celery.chord"]


def variants(name: str) -> list[str]:
    return [
        name,
        name.upper(),
        name.title(),
        f" {name}",
        f"{name} ",
        f"\t{name}\n",
        name.replace(".", "\uff0e"),
        f"{name}\x00",
    ]


class TestTaskFunctions:
    @pytest.mark.parametrize("own", OWN)
    def test_never_hold_the_products_own_tasks(self, own: str, cast: Cast, client_of: ClientOf) -> None:
        root = client_of(cast.root)
        for name in variants(own):
            with pytest.raises(InvalidEntry):
                catalogues.save_task_function(TaskFunction(), {"name": name}, actor="user:root")
            answer = root.send("POST", "/api/v1/scheduler/task-functions", {"name": name})
            assert answer.status_code == 400, name
        assert not TaskFunction.objects.exists()

    def test_are_shown_to_those_who_may_choose_them(self, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
        root, path = client_of(cast.root), "/api/v1/scheduler/task-functions"
        made = {}
        for name, more in (
            ("for.all", {"for_all_tenants": True}),
            ("for.acme", {"tenants": ["acme"]}),
            ("for.both", {"tenants": ["acme", "globex"]}),
            ("for.globex", {"tenants": ["globex"]}),
            ("for.nobody", {}),
        ):
            answer = root.send("POST", path, {"name": name, **more})
            assert answer.status_code == 201, answer.content
            made[name] = answer.json()["id"]
        key = client_of(make_key("scheduler:read")[1])
        listed = key.get(path).json()
        assert listed.keys() >= {"total_count", "limit", "offset", "has_more", "results"}
        assert {row["name"]: row["tenants"] for row in listed["results"]} == {
            "for.all": [], "for.acme": ["acme"], "for.both": ["acme"],
        }  # fmt: skip
        assert key.get(f"{path}/{made['for.globex']}").status_code == 404
        assert key.get(f"{path}/{made['for.acme']}").json()["name"] == "for.acme"
        assert len(root.get(path).json()["results"]) == 5

    def test_are_changed_and_removed_by_superusers_with_a_trace(self, cast: Cast, client_of: ClientOf) -> None:
        root, path = client_of(cast.root), "/api/v1/scheduler/task-functions"
        one = f"{path}/{root.send('POST', path, {'name': 'reports.build'}).json()['id']}"
        changed = root.send(
            "PATCH", one, {"argument_schema": {"type": "object"}, "queue": "ad_queue", "tenants": ["acme"]}
        )
        assert (changed.json()["queue"], changed.json()["tenants"]) == ("ad_queue", ["acme"])
        for wrong, where in (
            ({"argument_schema": {"type": "list"}}, "argument_schema"),
            ({"tenants": ["nowhere"]}, "tenants"),
            ({"name": "other.name"}, "name"),
        ):
            assert where in root.send("PATCH", one, wrong).json()["error"]["fields"]
        assert root.send("POST", path, {"name": "reports.build"}).status_code == 400
        assert root.delete(one).status_code == 204
        actions = list(
            AuditEntry.objects.filter(target="task_function").order_by("id").values_list("action", flat=True)
        )
        assert actions == ["task_function.added", "task_function.changed", "task_function.removed"]


class TestJobTypes:
    def test_are_there_from_the_beginning(self, cast: Cast, client_of: ClientOf) -> None:
        rows = client_of(cast.vera).get("/api/v1/scheduler/job-types").json()["results"]
        assert {row["name"]: row["kind"] for row in rows} == {
            "cron": "cron", "interval": "interval", "date": "once", "once": "once", "manual": "manual",
        }  # fmt: skip
        assert all(row["is_builtin"] and row["is_enabled"] for row in rows)
        assert [list(check_schema(seed["fields"])) for seed in SEEDS] == [[]] * len(SEEDS)

    def test_that_are_built_in_stay_and_can_only_be_switched_off(self) -> None:
        cron = JobType.objects.get(name="cron")
        for values in ({"kind": "interval"}, {"name": "other"}, {"fields": {"type": "object"}}):
            with pytest.raises(EntryIsBuiltIn):
                catalogues.save_job_type(JobType.objects.get(name="cron"), values, actor="user:root")
        with pytest.raises(EntryIsBuiltIn):
            catalogues.remove_job_type(cron, actor="user:root")
        assert catalogues.save_job_type(cron, {"is_enabled": False}, actor="user:root").is_enabled is False

    def test_of_ones_own_stand_for_a_kind_with_defaults(self, cast: Cast, client_of: ClientOf) -> None:
        root = client_of(cast.root)
        body: dict[str, Any] = {"name": "half-hourly", "title": "Each half hour", "kind": "interval"}
        fields = {"type": "object", "properties": {"minutes": {"type": "integer"}}, "additionalProperties": False}
        made = root.send("POST", "/api/v1/scheduler/job-types", {**body, "fields": fields, "defaults": {"minutes": 30}})
        assert made.status_code == 201, made.content
        job = {"name": "x", "template": "echo", "job_type_name": "half-hourly", "tenant": "acme"}
        assert root.send("POST", "/api/v1/scheduler/jobs", job).json()["schedule_config"]["minutes"] == 30
        wrong = root.send(
            "POST", "/api/v1/scheduler/job-types", {**body, "name": "bad", "fields": fields, "defaults": {"days": 1}}
        )
        assert wrong.status_code == 400
        one = f"/api/v1/scheduler/job-types/{made.json()['id']}"
        assert root.send("PATCH", one, {"is_enabled": False}).json()["is_enabled"] is False
        refused = root.send("POST", "/api/v1/scheduler/jobs", {**job, "name": "y"})
        assert "job_type_name" in refused.json()["error"]["fields"]
        assert root.delete(one).status_code == 204
        assert AuditEntry.objects.filter(target="job_type").count() == 3
