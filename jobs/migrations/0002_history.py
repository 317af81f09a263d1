from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('jobs', '0001_initial'),
        ('templates_registry', '0001_initial'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL((SQL / "partitioned.sql").read_text(), (SQL / "partitioned_reverse.sql").read_text()),
            ],
            state_operations=[
                migrations.CreateModel(
                    name='Execution',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('trigger', models.CharField(choices=[('schedule', 'Schedule'), ('manual', 'Manual'), ('api', 'Api'), ('dependency', 'Dependency'), ('backfill', 'Backfill'), ('event', 'Event'), ('replay', 'Replay')], max_length=10)),
                        ('scheduled_for', models.DateTimeField(help_text='The due instant of its tick', null=True)),
                        ('revision', models.PositiveIntegerField(null=True)),
                        ('parameters', models.JSONField(default=dict)),
                        ('policy', models.JSONField(default=dict)),
                        ('dry_run', models.BooleanField(default=False)),
                        ('run_key', models.UUIDField(help_text='The same for every attempt: what a template passes on as idempotency key')),
                        ('requested_by', models.CharField(blank=True, default='', max_length=200)),
                        ('request_id', models.CharField(blank=True, default='', max_length=64)),
                        ('queue', models.CharField(max_length=100)),
                        ('priority', models.PositiveSmallIntegerField(choices=[(0, 'Critical'), (3, 'High'), (6, 'Normal'), (9, 'Low')])),
                        ('max_instances', models.PositiveIntegerField(help_text='Slots of the job; none means no limit', null=True)),
                        ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('timed_out', 'Timed out'), ('cancelled', 'Cancelled'), ('lost', 'Lost'), ('dead', 'Dead')], max_length=10)),
                        ('reason', models.CharField(blank=True, default='', max_length=60)),
                        ('attempt', models.PositiveIntegerField(default=0)),
                        ('max_attempts', models.PositiveIntegerField()),
                        ('handed_back_count', models.PositiveIntegerField(default=0)),
                        ('lost_count', models.PositiveIntegerField(default=0)),
                        ('fence', models.BigIntegerField(default=0)),
                        ('event_sequence', models.PositiveIntegerField(default=0)),
                        ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                        ('available_at', models.DateTimeField()),
                        ('start_deadline_at', models.DateTimeField(null=True)),
                        ('published_at', models.DateTimeField(null=True)),
                        ('publish_count', models.PositiveIntegerField(default=0)),
                        ('started_at', models.DateTimeField(null=True)),
                        ('finished_at', models.DateTimeField(null=True)),
                        ('cancel_requested_at', models.DateTimeField(null=True)),
                        ('cancel_requested_by', models.CharField(blank=True, default='', max_length=200)),
                        ('result', models.JSONField(null=True)),
                        ('error', models.TextField(blank=True, default='')),
                        ('error_class', models.CharField(blank=True, default='', max_length=200)),
                        ('job', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='executions', to='jobs.job')),
                        ('template', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='templates_registry.templateversion')),
                        ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.tenant')),
                    ],
                    options={
                        'db_table': 'job_executions',
                        'ordering': ['-id'],
                    },
                ),
                migrations.CreateModel(
                    name='Attempt',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('number', models.PositiveIntegerField(db_column='attempt')),
                        ('fence', models.BigIntegerField()),
                        ('worker', models.CharField(max_length=200)),
                        ('pid', models.IntegerField()),
                        ('started_at', models.DateTimeField()),
                        ('finished_at', models.DateTimeField(null=True)),
                        ('outcome', models.CharField(blank=True, choices=[('succeeded', 'Succeeded'), ('failed', 'Failed'), ('timed_out', 'Timed out'), ('cancelled', 'Cancelled'), ('lost', 'Lost'), ('handed_back', 'Handed back')], default='', max_length=12)),
                        ('error', models.TextField(blank=True, default='')),
                        ('error_class', models.CharField(blank=True, default='', max_length=200)),
                        ('traceback', models.TextField(blank=True, default='')),
                        ('retry_at', models.DateTimeField(null=True)),
                        ('is_stale', models.BooleanField(default=False, help_text='Ended after another owner had taken over')),
                        ('stale_result', models.JSONField(null=True)),
                        ('execution', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='attempts', to='jobs.execution')),
                    ],
                    options={
                        'db_table': 'task_executions',
                        'ordering': ['execution', 'number'],
                    },
                ),
                migrations.CreateModel(
                    name='LogLine',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('sequence', models.PositiveIntegerField()),
                        ('attempt', models.PositiveIntegerField()),
                        ('logged_at', models.DateTimeField()),
                        ('level', models.CharField(max_length=8)),
                        ('message', models.TextField()),
                        ('execution', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='log_lines', to='jobs.execution')),
                    ],
                    options={
                        'db_table': 'execution_log_lines',
                        'ordering': ['execution', 'sequence'],
                    },
                ),
                migrations.CreateModel(
                    name='ExecutionEvent',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('sequence', models.PositiveIntegerField()),
                        ('xid', models.BigIntegerField(help_text='The transaction that wrote it; default pg_current_xact_id()')),
                        ('kind', models.CharField(max_length=20)),
                        ('at', models.DateTimeField()),
                        ('data', models.JSONField(default=dict)),
                        ('execution', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='jobs.execution')),
                        ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.tenant')),
                        ('job', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='jobs.job')),
                    ],
                    options={
                        'db_table': 'execution_events',
                        'ordering': ['execution', 'sequence'],
                    },
                ),
                migrations.CreateModel(
                    name='Tick',
                    fields=[
                        ('id', models.BigAutoField(primary_key=True, serialize=False)),
                        ('due_at', models.DateTimeField()),
                        ('outcome', models.CharField(choices=[('fired', 'Fired'), ('late', 'Late'), ('coalesced', 'Coalesced'), ('skipped', 'Skipped'), ('missed', 'Missed'), ('shadow', 'Shadow')], max_length=10)),
                        ('reason', models.CharField(blank=True, default='', max_length=60)),
                        ('blocking_id', models.BigIntegerField(help_text='The execution that stood in the way, if one did', null=True)),
                        ('execution_id', models.BigIntegerField(help_text='The execution that this tick fired', null=True)),
                        ('revision', models.PositiveIntegerField()),
                        ('epoch', models.BigIntegerField(help_text="The leader's epoch; 0 when a change of the job decided it")),
                        ('decided_at', models.DateTimeField()),
                        ('job', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='ticks', to='jobs.job')),
                        ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.tenant')),
                    ],
                    options={
                        'db_table': 'ticks',
                        'ordering': ['-due_at', '-id'],
                        'managed': True,
                    },
                ),
            ],
        ),
    ]
