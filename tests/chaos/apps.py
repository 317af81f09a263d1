"""The fault test as a Django app: brings its template, and applies the mutants that the run names."""

from __future__ import annotations

import os

from django.apps import AppConfig


class ChaosConfig(AppConfig):
    name = "tests.chaos"
    label = "chaos"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        names = [name for name in os.environ.get("CHAOS_MUTANTS", "").split(",") if name]
        if names:
            from tests.chaos import mutants

            for name in names:
                mutants.MUTANTS[name].apply()
