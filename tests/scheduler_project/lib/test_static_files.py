from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command


def test_modules_import_each_other_by_hashed_names(settings: LazySettings, tmp_path: Path) -> None:
    """An old page in a browser's cache never meets a new module, and the other way round."""
    settings.STATIC_ROOT = tmp_path
    backend = "scheduler_project.lib.static_files.HashedStaticFiles"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    call_command("collectstatic", interactive=False, verbosity=0)
    hashed = [path for path in (tmp_path / "daybook").rglob("*.js") if re.search(r"\.[0-9a-f]{12}\.js$", path.name)]
    imports = [
        (path, name)
        for path in hashed
        for name in re.findall(r"""^(?:import|export)\b[^"']*["'](\.[^"']+)["']""", path.read_text(), re.M)
    ]
    if not imports:
        pytest.fail("No module imports another.")
    for path, name in imports:
        assert (path.parent / name).is_file(), f"{path.name} imports {name}"
        assert re.search(r"\.[0-9a-f]{12}\.js$", name), f"{path.name} imports {name}"
