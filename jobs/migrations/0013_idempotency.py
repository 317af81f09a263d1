from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [("jobs", "0012_dependencies"), ("accounts", "0004_idempotency")]

    operations = [
        migrations.AlterModelOptions(
            name="job",
            options={
                "ordering": ["name"],
                "permissions": [
                    ("run_sub_minute", "Can schedule jobs more often than their template allows"),
                    ("approve_run", "Can approve and refuse runs in tenants where they may run jobs"),
                ],
            },
        ),
        migrations.RunSQL((SQL / "tasks.sql").read_text(), (SQL / "tasks_reverse.sql").read_text()),
    ]
