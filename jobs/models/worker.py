"""Worker processes as they report themselves, and the questions that prove that a queue is listened to."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Worker(models.Model):
    """One worker process (not its children)."""

    name = models.CharField(max_length=200, unique=True)
    hostname = models.CharField(max_length=200)
    pid = models.IntegerField()
    queues = ArrayField(models.CharField(max_length=100), default=list)
    concurrency = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    release = models.CharField(max_length=40, default="", db_default="")
    pool = models.CharField(max_length=40, default="", db_default="", help_text="How it runs things side by side")
    max_tasks_per_child = models.PositiveIntegerField(null=True, help_text="Messages until a process is replaced")
    max_memory_mb = models.PositiveIntegerField(null=True, help_text="Size at which a process is replaced")
    health = models.CharField(max_length=10, default="healthy", db_default="healthy")
    trouble = models.CharField(max_length=500, default="", db_default="", help_text="Why it is not healthy")
    heard_at = models.DateTimeField(null=True, help_text="When a message last reached it")
    runs_done = models.BigIntegerField(default=0, db_default=0)
    memory = models.JSONField(null=True, help_text="Bytes of each of its processes, the parent first")
    draining_since = models.DateTimeField(null=True)
    drains_until = models.DateTimeField(null=True, help_text="When it hands back what still runs")

    class Meta:
        db_table = "workers"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class QueueCanary(models.Model):
    """The last question that the leader sent through a queue, and its answer. One row per queue."""

    queue = models.CharField(max_length=100, primary_key=True)
    asked_at = models.DateTimeField(help_text="Of the oldest question without an answer, else of the last one")
    sent_at = models.DateTimeField(null=True, help_text="When the question last went out")
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=200, default="", db_default="")
    deaf_since = models.DateTimeField(null=True, help_text="Since when nobody hears, though somebody is free")
    redelivered = models.BigIntegerField(default=0, db_default=0, help_text="Announcements that had to be repeated")

    class Meta:
        db_table = "queue_canaries"

    def __str__(self) -> str:
        return self.queue
