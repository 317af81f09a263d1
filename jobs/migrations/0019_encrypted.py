from pathlib import Path

from django.db import migrations

from jobs import rotation

SQL = Path(__file__).parent / "sql"


def encrypt(apps, schema_editor):
    rotation.encrypt_plain_text()


def decrypt(apps, schema_editor):
    # The revisions' trigger lets nothing be turned back into plain text; the next step backwards puts it there again.
    schema_editor.execute("DROP TRIGGER job_revisions_are_append_only ON job_revisions")
    rotation.decrypt_everything()


class Migration(migrations.Migration):

    dependencies = [("jobs", "0018_scheduler_events"), ("accounts", "0008_data_keys")]

    operations = [
        migrations.RunSQL((SQL / "encrypted.sql").read_text(), (SQL / "encrypted_reverse.sql").read_text()),
        migrations.RunPython(encrypt, decrypt),
    ]
