from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0013_idempotency")]

    operations = [
        migrations.CreateModel(
            name="QueueCanary",
            fields=[
                ("queue", models.CharField(max_length=100, primary_key=True, serialize=False)),
                (
                    "asked_at",
                    models.DateTimeField(help_text="Of the oldest question without an answer, else of the last one"),
                ),
                ("sent_at", models.DateTimeField(help_text="When the question last went out", null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("answered_by", models.CharField(db_default="", default="", max_length=200)),
                (
                    "deaf_since",
                    models.DateTimeField(help_text="Since when nobody hears, though somebody is free", null=True),
                ),
                (
                    "redelivered",
                    models.BigIntegerField(db_default=0, default=0, help_text="Announcements that had to be repeated"),
                ),
            ],
            options={"db_table": "queue_canaries"},
        ),
        migrations.AddField("worker", "release", models.CharField(db_default="", default="", max_length=40)),
        migrations.AddField(
            "worker",
            "pool",
            models.CharField(db_default="", default="", help_text="How it runs things side by side", max_length=40),
        ),
        migrations.AddField(
            "worker",
            "max_tasks_per_child",
            models.PositiveIntegerField(help_text="Messages until a process is replaced", null=True),
        ),
        migrations.AddField(
            "worker",
            "max_memory_mb",
            models.PositiveIntegerField(help_text="Size at which a process is replaced", null=True),
        ),
        migrations.AddField(
            "worker", "health", models.CharField(db_default="healthy", default="healthy", max_length=10)
        ),
        migrations.AddField(
            "worker",
            "trouble",
            models.CharField(db_default="", default="", help_text="Why it is not healthy", max_length=500),
        ),
        migrations.AddField(
            "worker", "heard_at", models.DateTimeField(help_text="When a message last reached it", null=True)
        ),
        migrations.AddField("worker", "runs_done", models.BigIntegerField(db_default=0, default=0)),
        migrations.AddField(
            "worker",
            "memory",
            models.JSONField(help_text="Bytes of each of its processes, the parent first", null=True),
        ),
        migrations.AddField("worker", "draining_since", models.DateTimeField(null=True)),
        migrations.AddField(
            "worker",
            "drains_until",
            models.DateTimeField(help_text="When it hands back what still runs", null=True),
        ),
    ]
