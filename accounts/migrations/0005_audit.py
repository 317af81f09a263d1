from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [("accounts", "0004_idempotency")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL((SQL / "audit.sql").read_text(), (SQL / "audit_reverse.sql").read_text()),
            ],
            state_operations=[
                migrations.CreateModel(
                    name='AuditDigests',
                    fields=[
                        ('sequence', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('month', models.DateField()),
                        ('ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                        ('digests', models.BinaryField()),
                    ],
                    options={
                        'verbose_name_plural': 'audit digests',
                        'db_table': 'audit_digests',
                    },
                ),
                migrations.CreateModel(
                    name='AuditSeal',
                    fields=[
                        ('sequence', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('kind', models.CharField(choices=[('entries', 'Entries'), ('restored', 'Restored'), ('dropped', 'Dropped')], max_length=10)),
                        ('month', models.DateField(help_text='Of the entries that it covers')),
                        ('count', models.PositiveIntegerField()),
                        ('first_id', models.BigIntegerField()),
                        ('last_id', models.BigIntegerField()),
                        ('last_xid', models.BigIntegerField()),
                        ('highest_id', models.BigIntegerField(help_text='The highest id that is sealed, here or before')),
                        ('floor_id', models.BigIntegerField(help_text='Ids up to here are of an older numbering of transactions')),
                        ('root', models.BinaryField(help_text='SHA-256 over the ids and digests of the entries')),
                        ('previous', models.BinaryField()),
                        ('hash', models.BinaryField(help_text='SHA-256 over all else of this row')),
                        ('sealed_at', models.DateTimeField()),
                    ],
                    options={
                        'db_table': 'audit_seals',
                        'ordering': ['sequence'],
                    },
                ),
                migrations.CreateModel(
                    name='ApiRequest',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('number', models.UUIDField(help_text='Made for each call, so that it is stored once')),
                        ('at', models.DateTimeField()),
                        ('method', models.CharField(max_length=10)),
                        ('route', models.CharField(blank=True, default='', max_length=100)),
                        ('path', models.CharField(max_length=500)),
                        ('status', models.PositiveSmallIntegerField()),
                        ('milliseconds', models.FloatField()),
                        ('bytes', models.BigIntegerField(help_text='Of the answer; unknown for a streamed one', null=True)),
                        ('principal', models.CharField(blank=True, default='', max_length=200)),
                        ('address', models.GenericIPAddressField(null=True)),
                        ('request_id', models.CharField(blank=True, default='', max_length=64)),
                        ('tenant', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.tenant')),
                    ],
                    options={
                        'verbose_name': 'API request',
                        'db_table': 'api_requests',
                        'ordering': ['-id'],
                    },
                ),
                migrations.CreateModel(
                    name='AuditEntry',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('at', models.DateTimeField()),
                        ('xid', models.BigIntegerField(help_text='The transaction that wrote it; default pg_current_xact_id()')),
                        ('actor', models.CharField(help_text='user:<name>, key:<prefix>, command:<name> or system:<part>', max_length=200)),
                        ('action', models.CharField(max_length=60)),
                        ('target', models.CharField(max_length=60)),
                        ('target_id', models.CharField(blank=True, default='', max_length=200)),
                        ('target_name', models.CharField(blank=True, default='', max_length=200)),
                        ('changes', models.JSONField(default=dict, help_text='Field by field what was before and what is after')),
                        ('note', models.TextField(blank=True, default='')),
                        ('outcome', models.CharField(choices=[('done', 'Done'), ('refused', 'Refused'), ('failed', 'Failed')], default='done', max_length=10)),
                        ('via', models.CharField(default='system', max_length=10)),
                        ('address', models.GenericIPAddressField(null=True)),
                        ('request_id', models.CharField(blank=True, default='', max_length=64)),
                        ('method', models.CharField(blank=True, default='', max_length=10)),
                        ('path', models.CharField(blank=True, default='', max_length=500)),
                        ('tenant', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.tenant')),
                    ],
                    options={
                        'verbose_name': 'audit entry',
                        'verbose_name_plural': 'audit entries',
                        'db_table': 'audit_entries',
                        'ordering': ['-id'],
                    },
                ),
            ],
        ),
    ]
