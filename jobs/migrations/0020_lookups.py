from pathlib import Path

from django.db import migrations, models
from django.db.models.functions import Now

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [("jobs", "0019_encrypted")]

    operations = [
        migrations.AddField(
            model_name="dependency",
            name="updated_at",
            field=models.DateTimeField(db_default=Now(), editable=False),
        ),
        migrations.RunSQL((SQL / "lookups.sql").read_text(), (SQL / "lookups_reverse.sql").read_text()),
    ]
