"""The job of the benchmark."""

from __future__ import annotations

from benchmarks.runs import journal
from templates_registry.base import JSON, JobTemplate, Parameters
from templates_registry.context import RunContext
from templates_registry.registry import register


@register
class Nothing(JobTemplate):
    """Notes that it began."""

    name, title = "bench_nothing", "Nothing"

    def run(self, context: RunContext, parameters: Parameters) -> JSON:
        journal.note(context.execution_id)
        return None
