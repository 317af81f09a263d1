"""The fault test as a Django app: brings its template, and applies the mutants that the run names."""

from __future__ import annotations

from django.apps import AppConfig


class ChaosConfig(AppConfig):
    name = "tests.chaos"
    label = "chaos"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tests.chaos import mutants

        for name in mutants.named():
            mutants.MUTANTS[name].apply()
