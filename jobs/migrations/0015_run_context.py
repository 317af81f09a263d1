import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("jobs", "0014_workers")]

    operations = [
        migrations.CreateModel(
            name='RunEffect',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('execution_id', models.BigIntegerField()),
                ('key', models.CharField(max_length=200)),
                ('fence', models.BigIntegerField()),
                ('attempt', models.PositiveIntegerField()),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('kept_at', models.DateTimeField(null=True)),
                ('result', models.JSONField(null=True)),
            ],
            options={
                'db_table': 'run_effects',
            },
        ),
        migrations.AddConstraint(
            model_name='runeffect',
            constraint=models.UniqueConstraint(fields=('execution_id', 'key'), name='one_effect_per_run_and_key'),
        ),
        migrations.CreateModel(
            name='RunCheckpoint',
            fields=[
                ('execution_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('fence', models.BigIntegerField()),
                ('attempt', models.PositiveIntegerField()),
                ('data', models.JSONField()),
                ('saved_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'run_checkpoints',
            },
        ),
        migrations.CreateModel(
            name='CircuitEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('circuit', models.CharField(max_length=300)),
                ('before', models.CharField(max_length=10)),
                ('after', models.CharField(max_length=10)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('why', models.CharField(blank=True, default='', max_length=300)),
            ],
            options={
                'db_table': 'circuit_events',
                'verbose_name': 'change of a circuit',
                'verbose_name_plural': 'circuits',
                'ordering': ['-id'],
            },
        ),
        migrations.AddIndex(
            model_name='circuitevent',
            index=models.Index(fields=['circuit', '-id'], name='circuit_events_newest'),
        ),
    ]
