"""Jobs that follow other jobs: edges between them, and what the end of an upstream starts, holds back or ends."""

from jobs.dependencies.edges import DependencyIsGone, InvalidDependency, add, change, remove
from jobs.dependencies.flows import Flow, flow_of, read_flow
from jobs.dependencies.gates import Gate, close_waiting, find_decided, look_at_gates, settle_gate
from jobs.dependencies.pipeline_runs import Member, PipelineRun, Start, newest_starts, newest_starts_of_each, read_run
from jobs.dependencies.pipelines import (
    Following,
    Pipeline,
    Stopped,
    as_one,
    find_pipeline,
    find_pipelines,
    following,
    stopped_with,
)
from jobs.dependencies.reading import Graph, Successor, edges, edges_of, graph_of, started_by, successors_of
from jobs.dependencies.releasing import release, settle_flow

__all__ = [
    "DependencyIsGone",
    "Flow",
    "Following",
    "Gate",
    "Graph",
    "InvalidDependency",
    "Member",
    "Pipeline",
    "PipelineRun",
    "Start",
    "Stopped",
    "Successor",
    "add",
    "as_one",
    "change",
    "close_waiting",
    "edges",
    "edges_of",
    "find_decided",
    "find_pipeline",
    "find_pipelines",
    "flow_of",
    "following",
    "graph_of",
    "look_at_gates",
    "newest_starts",
    "newest_starts_of_each",
    "read_flow",
    "read_run",
    "release",
    "remove",
    "settle_flow",
    "settle_gate",
    "started_by",
    "stopped_with",
    "successors_of",
]
