"""The Celery application of the peer."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.ticks.stock.settings")

app = Celery("stock")
app.config_from_object("django.conf:settings", namespace="CELERY")


@app.task(name="stock.nothing", ignore_result=True)
def nothing() -> None:
    """Never run: there is no worker."""
