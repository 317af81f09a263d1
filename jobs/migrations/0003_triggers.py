from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [("jobs", "0002_history")]

    operations = [
        migrations.RunSQL((SQL / "triggers.sql").read_text(), (SQL / "triggers_reverse.sql").read_text()),
    ]
