import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("templates_registry", "0003_runs")]

    operations = [
        migrations.CreateModel(
            name="JobType",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.SlugField(help_text="What bodies call it.", max_length=60, unique=True)),
                ("title", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True, default="")),
                ("kind", models.CharField(choices=[("cron", "Cron"), ("interval", "Interval"), ("once", "Once"), ("manual", "Manual")], help_text="The kind of schedule that it stands for.", max_length=10)),
                ("fields", models.JSONField(default=dict, help_text="JSON Schema of schedule_config.")),
                ("defaults", models.JSONField(blank=True, default=dict, help_text="What schedule_config says unless told.")),
                ("is_enabled", models.BooleanField(default=True)),
                ("is_builtin", models.BooleanField(default=False, editable=False)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={"db_table": "scheduler_job_types", "ordering": ["name"]},
        ),
        migrations.AddConstraint(
            model_name="jobtype",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["cron", "interval", "once", "manual"])), name="job_type_kind_is_known"
            ),
        ),
    ]
