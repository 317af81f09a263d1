"""Templates that use what a run is given: the tests say how."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from templates_registry.base import JSON, JobTemplate
from templates_registry.context import RunContext
from templates_registry.registry import register
from tests.append import append


@register
class Scripted(JobTemplate):
    """Does what the test in the same process has put into `script`."""

    name, title = "scripted", "Scripted"
    supports_dry_run = True
    parameters = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": 1000},
            "password": {"type": "string", "maxLength": 1000, "writeOnly": True},
            "keys": {"type": "array", "items": {"type": "string", "x-secret": True}},
        },
        "additionalProperties": False,
    }
    script: ClassVar[Callable[[RunContext, dict[str, Any]], Any]] = staticmethod(lambda context, parameters: None)

    def run(self, context: RunContext, parameters: dict[str, Any]) -> Any:
        return type(self).script(context, parameters)

    def dry_run(self, context: RunContext, parameters: dict[str, Any]) -> Any:
        return type(self).script(context, parameters)


@register
class DiesAtItsEffect(JobTemplate):
    """In its first attempt the process dies just before or after the effect; later ones do it only if they may."""

    name, title = "dies_at_its_effect", "Dies at its effect"
    parameters = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "maxLength": 500},
            "dies": {"enum": ["before", "after"]},
        },
        "required": ["path", "dies"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: dict[str, Any]) -> JSON:
        context.checkpoint({"attempt": context.attempt, "before": context.last_checkpoint})
        effect = context.once("line")
        if effect:
            if parameters["dies"] == "before" and context.attempt == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            append(Path(parameters["path"]), "done\n")
            if context.attempt == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            effect.keep("done")
        return {"did": bool(effect), "is_kept": effect.is_kept, "last": context.last_checkpoint}
