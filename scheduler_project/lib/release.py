"""The release that this process runs."""

from __future__ import annotations

import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"

NAME: str = tomllib.loads(PROJECT.read_text())["project"]["version"]
