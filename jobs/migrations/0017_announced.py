from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0016_webhooks'),
    ]

    operations = [
        migrations.RunSQL((SQL / "announced.sql").read_text(), (SQL / "announced_reverse.sql").read_text()),
    ]
