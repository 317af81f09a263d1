"""Runs drained and picked up: Daybook, raw Celery, Celery with a result backend and procrastinate, side by side."""
