"""Reads compose files as `docker compose` does, as far as ours go: interpolation, merging of files, and the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

VARIABLE = re.compile(r"\$\$|\$\{(?P<name>[A-Z_][A-Z0-9_]*)(?:(?P<rule>:[?-])(?P<rest>[^}]*))?\}|(?P<stray>\$)")
DURATION = re.compile(r"(\d+h)?(\d+m)?(\d+(\.\d+)?s)?")
LITERAL_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY|_URL$")

TOP_LEVEL = {"services", "volumes", "networks", "configs", "secrets", "name"}
SERVICE = {
    "build", "cap_drop", "command", "depends_on", "deploy", "environment", "healthcheck", "image", "init", "logging",
    "ports", "read_only", "restart", "security_opt", "shm_size", "stop_grace_period", "tmpfs", "volumes",
}  # fmt: skip
HEALTH_CHECK = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


class Missing(Exception):
    """A variable that the file requires is not set."""


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """`${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$`, everywhere in a parsed file. Raises `Missing`."""
    if isinstance(value, dict):
        return {key: interpolate(entry, variables) for key, entry in value.items()}
    if isinstance(value, list):
        return [interpolate(entry, variables) for entry in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        if match["stray"]:
            raise ValueError(f"A lone $ in {value!r}; write $$ for the character.")
        if match["name"] is None:
            return "$"
        found = variables.get(match["name"], "")
        if not found and match["rule"] == ":?":
            raise Missing(match["name"])
        return found or (match["rest"] or "" if match["rule"] == ":-" else "")

    return VARIABLE.sub(replace, value)


def merge(base: Any, over: Any) -> Any:
    """What `docker compose` makes of two files: maps are merged, everything else is replaced."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {
            key: merge(base.get(key), over.get(key, base.get(key))) for key in [*base, *(over.keys() - base.keys())]
        }
    return base if over is None else over


def load(*paths: Path) -> dict[str, Any]:
    """The files, merged, with their extension fields (`x-…`) left out."""
    merged: Any = {}
    for path in paths:
        merged = merge(merged, yaml.safe_load(path.read_text()))
    return {key: value for key, value in merged.items() if not key.startswith("x-")}


def find_problems(file: Mapping[str, Any]) -> Iterator[str]:
    """Whatever `docker compose config` would refuse, and what we ask for beyond that."""
    for key in file.keys() - TOP_LEVEL:
        yield f"{key} is no top-level element."
    services = file["services"]
    for name, service in services.items():
        for problem in _service_problems(service, services, set(file.get("volumes") or ())):
            yield f"{name}: {problem}"


def _service_problems(service: Mapping[str, Any], services: Mapping[str, Any], volumes: set[str]) -> Iterator[str]:
    for key in service.keys() - SERVICE:
        yield f"{key} is not known here; if it is right, add it to the list."
    if not {"image", "build"} & service.keys():
        yield "needs an image or a build."
    if str(service.get("image", "")).endswith(":latest") or ":" not in str(service.get("image", ":")):
        yield "names no release of its image."
    for name, value in (service.get("environment") or {}).items():
        if value is not None and not isinstance(value, str):
            yield f"environment {name} must be a text."
        elif value and LITERAL_SECRET.search(name) and ":?" not in value and value != "${" + name + ":-}":
            yield f"environment {name} must come from the environment: ${{{name}:?…}}."
    for other, wish in (service.get("depends_on") or {}).items():
        if other not in services:
            yield f"depends on {other}, which is not there."
        elif wish["condition"] not in CONDITIONS:
            yield f"condition {wish['condition']} is not known."
        elif wish["condition"] == "service_healthy" and "healthcheck" not in services[other]:
            yield f"waits for the health of {other}, which has no check."
    for mount in service.get("volumes") or ():
        source, _, target = mount.partition(":")
        if source not in volumes:
            yield f"mounts {source}, which is no named volume."
        if not target.startswith("/"):
            yield f"mounts {source} at {target}, which is no path."
    yield from _health_problems(service)
    if not _is_duration(service.get("stop_grace_period", "10s")):
        yield "stop_grace_period is no duration."


def _health_problems(service: Mapping[str, Any]) -> Iterator[str]:
    check = service.get("healthcheck")
    if check is None:
        if not str(service.get("restart", "")).startswith("on-failure"):
            yield "runs for ever and has no health check."
        return
    for key in check.keys() - HEALTH_CHECK:
        yield f"healthcheck.{key} is not known."
    if check["test"][0] not in {"CMD", "CMD-SHELL"}:
        yield "healthcheck.test must begin with CMD or CMD-SHELL."
    for key in ("interval", "timeout", "start_period"):
        if key in check and not _is_duration(check[key]):
            yield f"healthcheck.{key} is no duration."


def _is_duration(text: str) -> bool:
    return bool(text) and DURATION.fullmatch(text) is not None


def seconds(text: str) -> float:
    """Of a duration in seconds, which is how ours are written."""
    assert text.endswith("s"), text
    return float(text.removesuffix("s"))
