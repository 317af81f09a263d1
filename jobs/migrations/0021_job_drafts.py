import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_data_keys"),
        ("jobs", "0020_lookups"),
        ("templates_registry", "0004_job_types"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="JobDraft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "step",
                    models.PositiveSmallIntegerField(
                        db_default=1, default=1, help_text="The furthest one that was reached"
                    ),
                ),
                ("fields", models.JSONField(default=dict, help_text="What was entered, by name of the control")),
                ("parameters", models.JSONField(default=dict)),
                ("version", models.PositiveIntegerField(db_default=0, default=0, help_text="Counts what was saved")),
                (
                    "versions",
                    models.JSONField(default=dict, help_text="By name: the version that last changed it"),
                ),
                (
                    "dry_run_id",
                    models.BigIntegerField(help_text="The last trial run, an execution without a job", null=True),
                ),
                (
                    "dry_run_version",
                    models.PositiveIntegerField(help_text="The version that it was made of", null=True),
                ),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="job_drafts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="templates_registry.templateversion",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.tenant"
                    ),
                ),
            ],
            options={
                "db_table": "job_drafts",
                "ordering": ["-updated_at"],
                "indexes": [
                    models.Index(fields=["owner", "-updated_at"], name="job_drafts_by_owner"),
                    models.Index(fields=["updated_at"], name="job_drafts_by_age"),
                ],
            },
        ),
    ]
