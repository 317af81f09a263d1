"""A template that gives away its secrets wherever it can."""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from templates_registry.base import JSON, JobTemplate
from templates_registry.context import RunContext
from templates_registry.registry import register
from tests.append import append


@register
class Leaky(JobTemplate):
    """Says its secrets in its log, its progress, its results and its errors; in `path`, only their hashes."""

    name, title = "leaky", "Leaky"
    parameters = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": 100, "default": "open-marker"},
            "path": {"type": "string", "maxLength": 500},
            "how": {"enum": ["succeed", "fail", "retry", "hang"], "default": "succeed"},
            "password": {"type": "string", "maxLength": 200, "writeOnly": True},
            "keys": {"type": "array", "items": {"type": "string", "maxLength": 200, "x-secret": True}},
            "server": {
                "type": "object",
                "properties": {"pin": {"type": "string", "maxLength": 200, "writeOnly": True}},
                "additionalProperties": False,
            },
        },
        "required": ["path"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: dict[str, Any]) -> JSON:
        secrets = [
            *(parameters.get(name) for name in ("password",)),
            *parameters.get("keys", []),
            parameters.get("server", {}).get("pin"),
        ]
        said = " ".join(_forms(str(secret)) for secret in secrets if secret)
        for secret in filter(None, secrets):
            append(Path(parameters["path"]), hashlib.sha256(secret.encode()).hexdigest() + "\n")
        context.log(f"{parameters['text']}: {said}")
        context.log(said, "error")
        logging.getLogger("leaky").error("said %s", said)
        context.progress(1, 2, said)
        context.checkpoint({"said": [said]})
        effect = context.once("effect")
        if effect:
            effect.keep({said: said})
        if parameters["how"] == "hang":
            time.sleep(60)
        if parameters["how"] == "fail" or (parameters["how"] == "retry" and context.attempt == 1):
            raise ValueError(said) from KeyError({"said": said})
        return {"text": parameters["text"], "said": said, "all": [{said: parameters}]}


def _forms(secret: str) -> str:
    return f"{secret} {quote(secret, safe='')} {base64.b64encode(f'user:{secret}'.encode()).decode()}"
