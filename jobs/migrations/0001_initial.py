import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('auth', '__first__'),
        ('django_celery_beat', '0019_alter_periodictasks_options'),
        ('templates_registry', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='EventCursor',
            fields=[
                ('name', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('xid', models.BigIntegerField(default=0)),
                ('event_id', models.BigIntegerField(default=0)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'event_cursors',
            },
        ),
        migrations.CreateModel(
            name='SchedulerLease',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('holder', models.CharField(blank=True, default='', max_length=200)),
                ('epoch', models.BigIntegerField(default=0)),
                ('acquired_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('ticked_at', models.DateTimeField(help_text="When the holder's loop last decided what was due", null=True)),
            ],
            options={
                'db_table': 'scheduler_leases',
            },
        ),
        migrations.CreateModel(
            name='Worker',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, unique=True)),
                ('hostname', models.CharField(max_length=200)),
                ('pid', models.IntegerField()),
                ('queues', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), default=list, size=None)),
                ('concurrency', models.PositiveIntegerField(default=1)),
                ('started_at', models.DateTimeField()),
                ('heartbeat_at', models.DateTimeField()),
                ('stopped_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'workers',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ExecutionLease',
            fields=[
                ('execution_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('job_id', models.BigIntegerField(null=True)),
                ('worker', models.CharField(max_length=200)),
                ('pid', models.IntegerField()),
                ('fence', models.BigIntegerField()),
                ('heartbeat', models.BigIntegerField(default=0)),
                ('acquired_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('job_slot', models.PositiveIntegerField(null=True)),
                ('pool_id', models.BigIntegerField(null=True)),
                ('pool_slot', models.PositiveIntegerField(null=True)),
                ('claim', models.UUIDField(default=uuid.uuid4)),
                ('progress', models.JSONField(null=True)),
            ],
            options={
                'db_table': 'execution_leases',
                'constraints': [models.UniqueConstraint(fields=('job_id', 'job_slot'), name='one_lease_per_job_slot'), models.UniqueConstraint(fields=('pool_id', 'pool_slot'), name='one_lease_per_pool_slot')],
            },
        ),
        migrations.CreateModel(
            name='ExecutionTotal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('template', models.CharField(max_length=100)),
                ('kind', models.CharField(max_length=20)),
                ('count', models.BigIntegerField(default=0)),
                ('seconds', models.FloatField(default=0)),
                ('buckets', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='Runs per duration bucket, not cumulative', size=None)),
            ],
            options={
                'db_table': 'execution_totals',
                'constraints': [models.UniqueConstraint(fields=('template', 'kind'), name='one_total_per_template_and_kind')],
            },
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=100)),
                ('name', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True, default='')),
                ('parameters', models.JSONField(blank=True, default=dict)),
                ('spec', models.JSONField(help_text='The schedule, as jobs.rules.schedule.ScheduleSpec writes it')),
                ('policy', models.JSONField(default=dict, help_text='As jobs.rules.policy.JobPolicy writes it')),
                ('queue', models.CharField(default='default', max_length=100)),
                ('priority', models.PositiveSmallIntegerField(choices=[(0, 'Critical'), (3, 'High'), (6, 'Normal'), (9, 'Low')], default=6)),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), blank=True, default=list, size=None)),
                ('origin', models.CharField(choices=[('native', 'Native'), ('adopted', 'Adopted')], default='native', max_length=10)),
                ('mode', models.CharField(choices=[('live', 'Live'), ('observe', 'Observe')], default='live', max_length=10)),
                ('is_enabled', models.BooleanField(default=True)),
                ('paused_at', models.DateTimeField(blank=True, null=True)),
                ('paused_by', models.CharField(blank=True, default='', max_length=200)),
                ('pause_note', models.CharField(blank=True, default='', max_length=500)),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('revision', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, help_text='Kept by a trigger')),
                ('next_tick_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('fired_count', models.PositiveBigIntegerField(default=0, editable=False)),
                ('problem', models.TextField(blank=True, default='', editable=False, help_text='Why the job is quarantined')),
                ('last_execution_id', models.BigIntegerField(blank=True, editable=False, null=True)),
                ('last_status', models.CharField(blank=True, choices=[('queued', 'Queued'), ('running', 'Running'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('timed_out', 'Timed out'), ('cancelled', 'Cancelled'), ('lost', 'Lost'), ('dead', 'Dead')], default='', max_length=10)),
                ('last_run_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_finished_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='owned_jobs', to=settings.AUTH_USER_MODEL)),
                ('periodic_task', models.OneToOneField(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='daybook_job', to='django_celery_beat.periodictask')),
                ('template', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='jobs', to='templates_registry.templateversion')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='jobs', to='accounts.tenant')),
            ],
            options={
                'db_table': 'dynamic_jobs',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='JobRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('valid_from', models.DateTimeField()),
                ('change', models.CharField(help_text='created, changed, paused, resumed, disabled, archived, …', max_length=40)),
                ('note', models.CharField(blank=True, default='', max_length=500)),
                ('actor', models.CharField(help_text='user:<name>, key:<prefix> or system:<part>', max_length=200)),
                ('definition', models.JSONField()),
                ('engine_version', models.CharField(max_length=40)),
                ('tzdata_version', models.CharField(max_length=40)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('job', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='revisions', to='jobs.job')),
            ],
            options={
                'db_table': 'job_revisions',
                'ordering': ['job', '-number'],
            },
        ),
        migrations.CreateModel(
            name='LeaseHistory',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('epoch', models.BigIntegerField()),
                ('holder', models.CharField(max_length=200)),
                ('acquired_at', models.DateTimeField()),
                ('released_at', models.DateTimeField(null=True)),
                ('cause', models.CharField(blank=True, default='', max_length=40)),
            ],
            options={
                'db_table': 'scheduler_lease_history',
                'ordering': ['-epoch'],
                'constraints': [models.UniqueConstraint(fields=('name', 'epoch'), name='one_leader_per_epoch')],
            },
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('next_tick_at__isnull', False)), fields=['next_tick_at'], name='jobs_due_next'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(fields=['tenant', 'name'], name='jobs_by_tenant'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=django.contrib.postgres.indexes.GinIndex(fields=['tags'], name='jobs_by_tag'),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.UniqueConstraint(fields=('tenant', 'slug'), name='one_job_per_slug_and_tenant'),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.CheckConstraint(condition=models.Q(('priority__in', (0, 3, 6, 9))), name='job_priority_is_known'),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.CheckConstraint(condition=models.Q(('origin__in', ['native', 'adopted'])), name='job_origin_is_known'),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ['live', 'observe'])), name='job_mode_is_known'),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.CheckConstraint(condition=models.Q(('archived_at', None), ('next_tick_at', None), _connector='OR'), name='archived_jobs_have_no_next_tick'),
        ),
        migrations.AddConstraint(
            model_name='jobrevision',
            constraint=models.UniqueConstraint(fields=('job', 'number'), name='one_revision_per_job_and_number'),
        ),
    ]
