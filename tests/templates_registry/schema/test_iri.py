"""The grammar of IRIs costs nobody a second who does not ask for it."""

from __future__ import annotations

import subprocess
import sys

BEFORE = "import sys; from templates_registry import schema; print('lark' in sys.modules)"
AFTER = """
from templates_registry.schema.time_limit import within
with within(0.2):
    print(schema.check_schema({'type': 'object', 'properties': {'at': {'format': 'iri'}}}), 'lark' in sys.modules)
"""
JUDGED = "print(schema.validate({'type': 'object', 'properties': {'at': {'format': 'iri'}}}, {'at': '::'}))"


def test_is_built_once_a_schema_asks_for_it() -> None:
    lines = subprocess.check_output([sys.executable, "-c", "\n".join((BEFORE, AFTER, JUDGED))], text=True).splitlines()
    assert lines[:2] == ["False", "[] True"]
    assert "must be a valid iri" in lines[2]
