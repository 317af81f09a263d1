"""Wiring and foundations of the project; no scheduling rules."""

from scheduler_project.celery import app as celery_app

__all__ = ["celery_app"]
