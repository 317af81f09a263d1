import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("jobs", "0008_schedule_policies")]

    operations = [
        migrations.AddIndex(
            model_name="job",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["calendars"], condition=models.Q(("calendars", []), _negated=True), name="jobs_by_calendar"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                fields=["paused_until"],
                condition=models.Q(("paused_until__isnull", False)),
                name="jobs_paused_until",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                fields=["id"],
                condition=models.Q(
                    ("archived_at__isnull", True),
                    ("failures_in_row__gt", 0),
                    ("paused_at__isnull", True),
                    ("policy__pause_after_failures__gt", 0),
                ),
                name="jobs_failing_in_row",
            ),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('undecided_since__isnull', False)), fields=['undecided_since'], name='jobs_in_quarantine'),
        ),
    ]
