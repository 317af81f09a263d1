import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

PAGES = [("jobs", "Jobs"), ("executions", "Executions")]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_data_keys"),
        ("jobs", "0021_job_drafts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("page", models.CharField(choices=PAGES, max_length=10)),
                ("name", models.CharField(max_length=60)),
                (
                    "query",
                    models.CharField(help_text="As it stands in the address of the list", max_length=2000),
                ),
                ("is_shared", models.BooleanField(db_default=False, default=False)),
                (
                    "is_default",
                    models.BooleanField(db_default=False, default=False, help_text="Its owner's list opens with it"),
                ),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=Now(), editable=False)),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to="accounts.tenant",
                    ),
                ),
            ],
            options={
                "db_table": "saved_views",
                "ordering": ["name", "id"],
                "indexes": [models.Index(fields=["tenant", "page", "name"], name="saved_views_of_a_list")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("page__in", ["jobs", "executions"])), name="saved_view_page_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("owner__isnull", False), ("is_shared", True), _connector="OR"),
                        name="saved_view_belongs_to_somebody",
                    ),
                    models.UniqueConstraint(
                        models.F("owner"),
                        models.F("page"),
                        condition=models.Q(("is_default", True)),
                        name="one_default_view_of_each_list",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BulkChange",
            fields=[
                (
                    "key",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("page", models.CharField(choices=PAGES, max_length=10)),
                ("action", models.CharField(max_length=20)),
                ("wish", models.JSONField(default=dict)),
                (
                    "rows",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        help_text="Ids, in the order in which they are changed",
                        size=None,
                    ),
                ),
                (
                    "taken",
                    models.PositiveIntegerField(db_default=0, default=0, help_text="How many a request has taken on"),
                ),
                (
                    "results",
                    models.JSONField(default=list, help_text="One entry for each row that was answered for"),
                ),
                (
                    "back",
                    models.CharField(
                        blank=True, default="", help_text="The query of the list it came from", max_length=2000
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "bulk_changes",
                "ordering": ["-created_at"],
                "indexes": [models.Index(fields=["created_at"], name="bulk_changes_by_age")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("page__in", ["jobs", "executions"])), name="bulk_change_page_is_known"
                    )
                ],
            },
        ),
    ]
