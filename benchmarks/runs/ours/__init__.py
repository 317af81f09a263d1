"""Daybook with one more template: the job of the benchmark."""
