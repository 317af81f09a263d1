"""Why something ran or did not: the planner's own rules, and what else stands in the way, in order and in words."""

from jobs.explain.execution import explain_execution
from jobs.explain.job import explain_job
from jobs.explain.steps import Explanation, Section, Step
from jobs.explain.tick import explain_tick

__all__ = ["Explanation", "Section", "Step", "explain_execution", "explain_job", "explain_tick"]
