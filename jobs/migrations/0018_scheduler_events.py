from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [("jobs", "0017_announced")]

    operations = [
        migrations.AlterModelOptions(
            name="job",
            options={
                "ordering": ["name"],
                "permissions": [
                    ("run_sub_minute", "Can schedule jobs more often than their template allows"),
                    ("approve_run", "Can approve and refuse runs in tenants where they may run jobs"),
                    ("adopt_unlisted_task", "Can save django-celery-beat rows whose task is not on the list of task functions"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RunHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant_id", models.BigIntegerField()),
                ("hour", models.DateTimeField()),
                ("status", models.CharField(max_length=10)),
                ("count", models.BigIntegerField(default=0)),
                ("seconds", models.FloatField(default=0)),
                ("buckets", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text="Runs per duration bucket, not cumulative", size=None)),
            ],
            options={"db_table": "run_hours"},
        ),
        migrations.AddConstraint(
            model_name="runhour",
            constraint=models.UniqueConstraint(fields=("tenant_id", "hour", "status"), name="one_sum_per_tenant_hour_and_status"),
        ),
        migrations.CreateModel(
            name="RuntimeFlag",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("value", models.BooleanField()),
                ("note", models.CharField(blank=True, default="", max_length=500)),
                ("set_by", models.CharField(max_length=200)),
                ("set_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"db_table": "runtime_flags"},
        ),
        migrations.CreateModel(
            name="SchedulerCounter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("type", models.CharField(max_length=40)),
                ("tenant_id", models.BigIntegerField(db_default=0, default=0, help_text="0: of no tenant")),
                ("count", models.BigIntegerField(default=0)),
                ("dropped", models.BigIntegerField(db_default=0, default=0, help_text="How much of it is in no row any more")),
            ],
            options={"db_table": "scheduler_counters"},
        ),
        migrations.AddConstraint(
            model_name="schedulercounter",
            constraint=models.UniqueConstraint(fields=("type", "tenant_id"), name="one_counter_per_type_and_tenant"),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    (SQL / "scheduler_events.sql").read_text(), (SQL / "scheduler_events_reverse.sql").read_text()
                ),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="SchedulerEvent",
                    fields=[
                        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                        ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ("type", models.CharField(max_length=40)),
                        ("level", models.CharField(max_length=8)),
                        ("count", models.BigIntegerField(default=1)),
                        ("execution_id", models.BigIntegerField(null=True)),
                        ("source", models.CharField(blank=True, default="", help_text="Which process, circuit or loop", max_length=200)),
                        ("message", models.CharField(blank=True, default="", max_length=500)),
                        ("data", models.JSONField(default=dict)),
                        ("job", models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="jobs.job")),
                        ("tenant", models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="accounts.tenant")),
                    ],
                    options={"db_table": "scheduler_events", "ordering": ["-id"]},
                ),
                migrations.AddField(
                    model_name="execution",
                    name="user_id",
                    field=models.CharField(help_text="Whom it is for, in a client's own numbering; see jobs.rules.user_ids", max_length=100, null=True),
                ),
            ],
        ),
    ]
