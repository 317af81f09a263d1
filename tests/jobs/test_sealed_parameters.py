"""Secret parameters on their way: sealed wherever they are stored, plain only for the template that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts import sealing
from accounts.models import Tenant
from accounts.sealing import KeysUnavailable, data_keys
from jobs import dead_letters, definition, registry, sealed, submission
from jobs.definition import InvalidJob
from jobs.execution import executor
from jobs.models import DeadLetter, Execution, Job, JobRevision
from scheduler_project.lib import circuits
from tests.accounts.sealing.key_server import KeyServer, key_server
from tests.cast import ApiClient, Cast, MakeKey
from tests.jobs.conftest import database_now
from tests.sample.context_templates import Scripted

MakeJob = Callable[..., Job]
MANUAL = {"template": "scripted", "schedule": {"kind": "manual"}}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The parameters that the template was given."""
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(Scripted, "script", staticmethod(lambda context, parameters: seen.append(parameters)))
    return seen


@pytest.fixture
def make(make_job: MakeJob) -> MakeJob:
    return lambda **parameters: make_job(**MANUAL, parameters=parameters)


def run(execution_id: int) -> Execution:
    executor.execute(execution_id, worker="w")
    return Execution.objects.select_related("template").get(pk=execution_id)


def is_sealed(*rows: Job | Execution) -> bool:
    return all(
        sealing.is_sealed(row.parameters["password"]) and all(map(sealing.is_sealed, row.parameters["keys"]))
        for row in rows
    )


def test_are_sealed_in_jobs_runs_and_revisions_and_opened_for_the_template(make: MakeJob, seen: list[Any]) -> None:
    given = {"text": "t", "password": "hunter2", "keys": ["one", "two"]}
    job = make(**given)
    done = run(registry.run_now(job, actor="user:test"))
    assert done.status == "succeeded"
    assert seen == [given]
    assert is_sealed(job, done)
    assert done.parameters == job.parameters == JobRevision.objects.get().definition["parameters"]


def test_stay_when_left_out_change_when_given_and_go_when_null(make: MakeJob) -> None:
    job = make(text="t", password="hunter2")
    before = job.parameters["password"]
    for change, expected in (
        ({"text": "u"}, {"text": "u", "password": "hunter2"}),
        ({"text": "u", "password": "hunter2"}, {"text": "u", "password": "hunter2"}),
    ):
        job = registry.change(job.pk, {"parameters": change}, actor="user:test")
        assert sealed.parameters_of(job) == expected
        assert job.parameters["password"] == before
    assert job.revision == 2
    job = registry.change(job.pk, {"parameters": {"text": "u", "password": before}}, actor="user:test")
    assert sealed.parameters_of(job)["password"] == before, "a text that looks sealed is a secret like any other"
    job = registry.change(job.pk, {"parameters": {"password": None, "keys": []}}, actor="user:test")
    assert job.parameters == {"keys": []}


def test_of_one_run_replace_single_ones(make: MakeJob, seen: list[Any]) -> None:
    job = make(text="t", password="hunter2", keys=["one"])
    done = run(registry.run_now(job, actor="user:test", parameters={"password": "other"}))
    assert seen == [{"text": "t", "password": "other", "keys": ["one"]}]
    assert is_sealed(done)
    assert done.parameters["keys"] == job.parameters["keys"]


def test_of_tasks_and_replays_are_sealed_too(tenant: Tenant, seen: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scripted, "script", staticmethod(lambda context, parameters: 1 / 0))
    payload = {"password": "hunter2", "keys": ["one"]}
    failed = run(
        submission.submit({"template": "scripted", "payload": payload, "max_retries": 0}, tenant=tenant, actor="user:t")
    )
    monkeypatch.setattr(Scripted, "script", staticmethod(lambda context, parameters: seen.append(parameters)))
    letter = DeadLetter.objects.get()
    again = run(dead_letters.replay(letter.pk, actor="user:t", parameters={"text": "t", "keys": ["two"]}))
    assert seen == [{"text": "t", "password": "hunter2", "keys": ["two"]}]
    assert is_sealed(failed, again)


def test_of_another_tenant_template_or_place_end_the_run(make: MakeJob, seen: list[Any]) -> None:
    job = make(password="hunter2", keys=["one"])
    Job.objects.update(parameters={"password": job.parameters["keys"][0]})
    done = run(registry.run_now(Job.objects.get(), actor="user:test"))
    assert (done.status, done.reason) == ("failed", "not_retryable")
    assert "The secret at parameters.password cannot be opened." in done.error
    with pytest.raises(InvalidJob) as refusal:
        registry.change(job.pk, {"parameters": {"text": "t"}}, actor="user:test")
    assert "cannot be read" in refusal.value.fields["parameters.password"][0]
    job = registry.change(job.pk, {"parameters": {"password": "new"}}, actor="user:test")
    assert sealed.parameters_of(job) == {"password": "new"}
    assert seen == []


class TestReferences:
    @pytest.fixture(autouse=True)
    def listed(self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "key").write_text("from-a-file\n")
        monkeypatch.setenv("VENDOR_TOKEN", "from-the-environment")
        settings.DAYBOOK_SECRETS_ROOT = str(tmp_path)
        settings.DAYBOOK_SECRETS = {
            "default/vendor": "env:VENDOR_TOKEN",
            "file": f"file:{tmp_path}/key",
            "other/theirs": "env:THEIRS",
        }
        return tmp_path / "key"

    def test_are_read_in_the_worker_and_masked(
        self, make: MakeJob, listed: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Scripted, "script", staticmethod(lambda context, parameters: parameters))
        job = make(password="env:VENDOR_TOKEN", keys=[f"file:{listed}", "plain-one"])
        assert sealed.parameters_of(job)["password"] == "env:VENDOR_TOKEN"
        done = run(registry.run_now(job, actor="user:test"))
        assert done.result == {"password": "***", "keys": ["***", "***"]}

        texts: list[Any] = []
        monkeypatch.setattr(Scripted, "script", staticmethod(lambda context, parameters: texts.append(parameters)))
        run(registry.run_now(job, actor="user:test"))
        assert texts == [{"password": "from-the-environment", "keys": ["from-a-file", "plain-one"]}]

    def test_are_refused_unless_listed_for_the_tenant(self, make: MakeJob) -> None:
        for reference in ("env:SECRET_KEY", "env:THEIRS", "file:/etc/passwd"):
            with pytest.raises(InvalidJob) as refusal:
                make(password=reference)
            assert "DAYBOOK_SECRETS does not list it for default" in refusal.value.fields["parameters.password"][0]
        assert make(password="environment:x").parameters

    def test_end_the_run_when_they_are_listed_no_longer(
        self, make: MakeJob, settings: Settings, seen: list[Any]
    ) -> None:
        job = make(password="env:VENDOR_TOKEN")
        settings.DAYBOOK_SECRETS = {}
        done = run(registry.run_now(job, actor="user:test"))
        assert "does not list env:VENDOR_TOKEN for default" in done.error
        assert seen == []
        assert registry.change(job.pk, {"parameters": {"text": "t"}}, actor="user:test").revision == 2


class TestWithoutKeys:
    @pytest.fixture
    def server(self, settings: Settings, tmp_path: Path, tenant: Tenant) -> Iterator[KeyServer]:
        data_keys.kept.clear()
        with key_server(tmp_path) as server:
            for name, value in server.settings().items():
                setattr(settings, name, value)
            yield server
            circuits.reset(f"keys:127.0.0.1:{server.server.port}", by="test")

    def test_goes_on_with_known_keys_and_waits_for_others(
        self, server: KeyServer, make: MakeJob, seen: list[Any]
    ) -> None:
        job = make(password="hunter2")
        server.is_away = True
        assert run(registry.run_now(job, actor="user:test")).status == "succeeded"
        data_keys.kept.clear()
        waiting = run(registry.run_now(job, actor="user:test"))
        assert (waiting.status, waiting.reason, waiting.handed_back_count) == ("queued", "keys_unavailable", 1)
        assert waiting.available_at > database_now() + timedelta(seconds=5)
        server.is_away = False
        Execution.objects.filter(pk=waiting.pk).update(available_at=database_now())
        circuits.reset(f"keys:127.0.0.1:{server.server.port}", by="test")
        assert run(waiting.pk).status == "succeeded"
        assert seen == [{"password": "hunter2"}] * 2

    def test_saves_no_secret_and_reads_all_else(self, server: KeyServer, cast: Cast, make_key: MakeKey) -> None:
        server.is_away = True
        client = ApiClient(headers={"Authorization": f"Bearer {make_key()[1]}"})
        body = {**MANUAL, "name": "Job"}
        answer = client.send("POST", "/api/v1/jobs", {**body, "parameters": {"password": "hunter2"}})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "keys_unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
        assert "key server does not answer" in answer.json()["error"]["message"]
        assert not Job.objects.exists()
        made = client.send("POST", "/api/v1/jobs", {**body, "parameters": {"text": "open"}})
        assert made.status_code == 201
        assert client.get(f"/api/v1/jobs/{made.json()['id']}").status_code == 200


def test_without_a_provider_no_secret_is_stored(make: MakeJob, settings: Settings) -> None:
    settings.DAYBOOK_KEY_PROVIDER = ""
    with pytest.raises(KeysUnavailable):
        make(password="hunter2")
    assert make(text="open").parameters == {"text": "open"}


def test_of_templates_without_secrets_need_no_key(tenant: Tenant, settings: Settings) -> None:
    settings.DAYBOOK_KEY_PROVIDER = ""
    data = {"name": "Job", "template": "failing", "schedule": {"kind": "manual"}}
    assert definition.read(data, now=database_now(), tenant=tenant).parameters == {
        "permanent": False,
        "until_attempt": 100,
    }
