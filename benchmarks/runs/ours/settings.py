"""A deployment's settings, and the template of the benchmark."""

from scheduler_project.settings.prod import *  # noqa: F403
from scheduler_project.settings.prod import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.runs.ours"]
