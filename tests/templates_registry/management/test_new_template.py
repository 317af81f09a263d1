from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from templates_registry.management.commands.new_template import _imports

ROOT = Path(__file__).resolve().parents[3]

SETTINGS = """
SECRET_KEY = "only-for-tests"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "accounts", "templates_registry", {apps}]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": "9"}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DAYBOOK_CLEANUP_MODELS = {{}}
DAYBOOK_EXPORT_MODELS = {{}}
"""


class Project:
    """A project in a folder of its own, run by real processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.use("shop")

    def use(self, *apps: str) -> None:
        for app in apps:
            (self.folder / app).mkdir(exist_ok=True)
            (self.folder / app / "__init__.py").touch()
        (self.folder / "project_settings.py").write_text(SETTINGS.format(apps=", ".join(map(repr, apps))))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": f"{self.folder}:{ROOT}",
            "MYPYPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "project_settings",
        }
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def new_template(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("django", "new_template", *arguments)

    def files(self) -> list[str]:
        found = (path for path in self.folder.rglob("*.py") if path.name != "project_settings.py")
        return sorted(str(path.relative_to(self.folder)) for path in found)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


WRITTEN = [
    "shop/__init__.py",
    "shop/job_templates/__init__.py",
    "shop/job_templates/sync_customers.py",
    "shop/tests/__init__.py",
    "shop/tests/test_sync_customers.py",
]


class TestNewTemplate:
    def test_writes_templates_that_pass_everything(self, project: Project) -> None:
        done = project.new_template("sync_customers")
        assert done.returncode == 0, done.stderr
        assert project.files() == WRITTEN
        done = project.new_template("ask_customers", "--async")
        assert done.returncode == 0, done.stderr
        asked = [file.replace("sync_customers", "ask_customers") for file in WRITTEN]
        assert project.files() == sorted({*WRITTEN, *asked})
        for command in (
            ["pytest", "-q", "-p", "no:cacheprovider", "-p", "no:valkey", "shop"],
            ["ruff", "check", "--isolated", "--select", "E,F,W,I,UP,B,N,ANN", "--line-length", "120", "shop"],
            ["ruff", "format", "--isolated", "--check", "--line-length", "120", "shop"],
            ["mypy", "--strict", "--config-file=", "--follow-imports=silent", "--ignore-missing-imports",
             *(file for file in project.files() if file.endswith("_customers.py"))],
        ):  # fmt: skip
            checked = project.run(*command)
            assert checked.returncode == 0, checked.stdout + checked.stderr
        found = "print(*(registry.get(name).title for name in ('sync_customers', 'ask_customers')))"
        found = f"from templates_registry import registry; {found}"
        assert "Sync customers Ask customers" in project.run("django", "shell", "-v0", "-c", found).stdout
        assert project.run("django", "check").returncode == 0

    def test_adds_a_second_one_and_never_overwrites(self, project: Project) -> None:
        project.new_template("sync_customers", "--app", "shop")
        before = (project.folder / WRITTEN[2]).read_text()
        (project.folder / WRITTEN[1]).write_text("# mine\n")
        assert project.new_template("second", "--app", "shop").returncode == 0
        again = project.new_template("sync_customers", "--app", "shop")
        assert again.returncode != 0
        assert "exists already." in again.stderr
        assert (project.folder / WRITTEN[2]).read_text() == before
        assert (project.folder / WRITTEN[1]).read_text() == "# mine\n"

    @pytest.mark.parametrize(
        "name", ["Sync", "1st", "a-b", "a b", "../evil", "a/b", "a.b", "class", "test_it", "é", "", "a" * 64]
    )
    def test_refuses_a_bad_name(self, name: str) -> None:
        with pytest.raises(CommandError, match="is not a name for a template"):
            call_command("new_template", name)

    @pytest.mark.parametrize("app", ["nothing", "templates_registry", "accounts", "auth", "../shop"])
    def test_refuses_an_app_that_is_not_the_projects(self, app: str) -> None:
        with pytest.raises(CommandError, match="is not an installed app of this project; to make one, run"):
            call_command("new_template", "sync_customers", app=app)

    def test_says_what_is_wrong_in_one_sentence(self, project: Project) -> None:
        done = project.new_template("../evil")
        assert done.returncode != 0
        assert len(done.stderr.strip().splitlines()) == 1
        assert project.files() == ["shop/__init__.py"]

    def test_sorts_imports_as_one_tree_when_it_is_one(self) -> None:
        own = "from tests.sample.job_templates.x import X"
        assert _imports(apps.get_app_config("sample"), own).splitlines()[-1] == own

    def test_asks_which_app_when_there_are_several(self, project: Project) -> None:
        project.use("shop", "crm")
        assert "--app which app gets the template (crm, shop)." in project.new_template("sync_customers").stderr
        assert project.new_template("sync_customers", "--app", "crm").returncode == 0
        assert "crm/job_templates/sync_customers.py" in project.files()

    def test_asks_which_app_when_there_is_none(self, project: Project) -> None:
        project.use()
        assert (
            "(there is none; run `manage.py startapp NAME` and add it to INSTALLED_APPS)"
            in project.new_template("sync_customers").stderr
        )

    @pytest.mark.parametrize("module", ["job_templates.py", "tests.py"])
    def test_refuses_to_shadow_a_module(self, project: Project, module: str) -> None:
        (project.folder / "shop" / module).touch()
        done = project.new_template("sync_customers")
        assert "is a module; make it a package" in done.stderr
        assert len(project.files()) == 2
