"""Pipelines: jobs that follow each other, as a graph and as a table, and how their runs went."""
