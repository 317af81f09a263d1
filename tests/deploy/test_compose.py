"""The compose files: well-formed, without secrets, and true to what the processes need."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scheduler_project.settings.environment import Environment
from tests.deploy import compose

PROJECT = Path(__file__).resolve().parents[2]
BASE = PROJECT / "docker-compose.yml"
OVERRIDE = PROJECT / "docker-compose.override.yml"
OURS = ("migrate", "web", "celery_beat", "celery_worker")
VARIABLES = {
    "POSTGRES_PASSWORD": "p0",
    "REDIS_PASSWORD": "r0",
    "DAYBOOK_SECRET_KEY": "dummy-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "DAYBOOK_ENCRYPTION_KEYS": "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "DAYBOOK_ALLOWED_HOSTS": "daybook.example",
}

production = compose.interpolate(compose.load(BASE), VARIABLES)
development = compose.interpolate(compose.load(BASE, OVERRIDE), VARIABLES)


def environment(file: dict[str, Any], service: str) -> dict[str, str]:
    found: dict[str, str] = file["services"][service]["environment"]
    return found


class TestFiles:
    @pytest.mark.parametrize("paths", [(BASE,), (BASE, OVERRIDE)], ids=["production", "development"])
    def test_break_no_rule(self, paths: tuple[Path, ...]) -> None:
        assert list(compose.find_problems(compose.load(*paths))) == []

    def test_have_the_services_that_operators_know(self) -> None:
        services = production["services"]
        assert set(services) == {"postgres", "redis", *OURS}
        assert (services["postgres"]["image"], services["redis"]["image"]) == ("postgres:15", "redis:7")

    @pytest.mark.parametrize("name", VARIABLES)
    def test_refuse_to_start_without_a_secret(self, name: str) -> None:
        with pytest.raises(compose.Missing, match=name):
            compose.interpolate(compose.load(BASE), {**VARIABLES, name: ""})

    def test_have_an_example_that_names_every_variable_they_require(self) -> None:
        required = set(re.findall(r"\$\{([A-Z_]+):\?", BASE.read_text()))
        offered = set(re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))
        assert required <= offered

    def test_keep_the_filled_in_example_out_of_git(self) -> None:
        assert ".env" in (PROJECT / ".gitignore").read_text().splitlines()


class TestServices:
    @pytest.mark.parametrize("service", OURS)
    def test_name_only_known_variables_with_valid_values(self, service: str) -> None:
        for file in (production, development):
            Environment(environment(file, service))

    @pytest.mark.parametrize("service", OURS)
    def test_run_without_privileges_on_a_read_only_image(self, service: str) -> None:
        settings = production["services"][service]
        assert settings["cap_drop"] == ["ALL"]
        assert settings["security_opt"] == ["no-new-privileges:true"]
        assert settings["read_only"] is True

    @pytest.mark.parametrize("service", ["web", "celery_beat", "celery_worker"])
    def test_start_after_the_migrations(self, service: str) -> None:
        needs = production["services"][service]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert needs["postgres"]["condition"] == needs["redis"]["condition"] == "service_healthy"

    def test_give_workers_longer_than_their_soft_shutdown(self, settings: Any) -> None:
        from scheduler_project.settings.base import CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT

        grace = compose.seconds(production["services"]["celery_worker"]["stop_grace_period"])
        assert grace == 75 > CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT + 10

    def test_run_two_schedulers(self) -> None:
        assert production["services"]["celery_beat"]["deploy"] == {"replicas": 2}

    def test_publish_the_web_to_this_machine_only(self) -> None:
        published = {name: service["ports"] for name, service in production["services"].items() if "ports" in service}
        assert published == {"web": ["127.0.0.1:8000:8000"]}

    def test_use_plain_http_settings_in_development_only(self) -> None:
        assert "DJANGO_SETTINGS_MODULE" not in environment(production, "web")  # the image says: production
        assert environment(development, "web")["DJANGO_SETTINGS_MODULE"] == "scheduler_project.settings.dev"

    @pytest.mark.parametrize("file", [production, development], ids=["production", "development"])
    def test_pass_django_s_deployment_checks(self, file: dict[str, Any]) -> None:
        given = {"DJANGO_SETTINGS_MODULE": "scheduler_project.settings.prod", **environment(file, "web")}
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        strict = ["--deploy", "--fail-level", "WARNING"] if file is production else []
        subprocess.run(
            [sys.executable, "manage.py", "check", *strict], cwd=PROJECT, env={**inherited, **given}, check=True
        )


class TestHealthChecks:
    def test_of_scheduler_and_worker_look_at_the_age_of_the_file(self, tmp_path: Path) -> None:
        for service in ("celery_beat", "celery_worker"):
            kind, command = production["services"][service]["healthcheck"]["test"]
            assert kind == "CMD-SHELL"
            folder = tmp_path / service
            command = command.replace("/tmp/alive", str(folder))
            folder.mkdir()
            assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode != 0
            (folder / "worker").touch()
            assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 0
            os.utime(folder / "worker", (0, 0))
            assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode != 0

    def test_of_scheduler_and_worker_look_where_the_image_lets_them_write(self) -> None:
        dockerfile = (PROJECT / "deploy" / "Dockerfile").read_text()
        assert dockerfile.count("DAYBOOK_LIVENESS_FOLDER=/tmp/alive") == 2
        assert production["services"]["celery_worker"]["tmpfs"] == ["/tmp"]

    def test_of_the_web_calls_a_route_that_exists(self) -> None:
        assert "http://127.0.0.1:8000/health/ready" in production["services"]["web"]["healthcheck"]["test"][3]


class TestRules:
    """The rules themselves: each finds what it is for."""

    @pytest.mark.parametrize(
        ("service", "problem"),
        [
            ({"image": "a:1", "restart": "always"}, "runs for ever and has no health check."),
            ({"image": "a", "restart": "on-failure"}, "names no release of its image."),
            ({"restart": "on-failure"}, "needs an image or a build."),
            ({"image": "a:1", "restart": "on-failure", "enviroment": {}}, "enviroment is not known here"),
            (
                {"image": "a:1", "restart": "on-failure", "environment": {"API_KEY": "s3cret"}},
                "environment API_KEY must come from the environment",
            ),
            (
                {"image": "a:1", "restart": "on-failure", "depends_on": {"b": {"condition": "service_healthy"}}},
                "depends on b, which is not there.",
            ),
            ({"image": "a:1", "restart": "on-failure", "volumes": ["data:/data"]}, "mounts data, which is no named"),
            ({"image": "a:1", "restart": "on-failure", "stop_grace_period": "75"}, "stop_grace_period is no duration."),
        ],
    )
    def test_find_what_is_wrong(self, service: dict[str, Any], problem: str) -> None:
        found = list(compose.find_problems({"services": {"a": service}}))
        assert any(problem in text for text in found), found

    def test_read_variables_as_compose_does(self) -> None:
        text = "${A:-x} ${B} $${C} ${D:?no}"
        assert compose.interpolate(text, {"B": "b", "D": "d"}) == "x b ${C} d"
        with pytest.raises(ValueError, match="A lone"):
            compose.interpolate("a $ b", {})
