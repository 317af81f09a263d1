import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_api_key_wording'),
        ('templates_registry', '0003_runs'),
        ('jobs', '0010_runs'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeadLetter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('execution_id', models.BigIntegerField(unique=True)),
                ('fingerprint', models.CharField(max_length=32)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('timed_out', 'Timed out'), ('cancelled', 'Cancelled'), ('lost', 'Lost'), ('dead', 'Dead')], max_length=10)),
                ('reason', models.CharField(max_length=60)),
                ('error_class', models.CharField(blank=True, max_length=200)),
                ('error', models.CharField(blank=True, help_text='Its beginning; the execution has all of it', max_length=1000)),
                ('place', models.CharField(blank=True, help_text="Where in the template's code it was raised", max_length=200)),
                ('attempts', models.PositiveIntegerField()),
                ('died_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('open', 'Open'), ('replaying', 'Replaying'), ('resolved', 'Resolved'), ('failed_again', 'Failed again'), ('discarded', 'Discarded')], db_default='open', default='open', max_length=12)),
                ('closed_at', models.DateTimeField(help_text='When it was resolved, superseded or discarded', null=True)),
                ('closed_by', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('note', models.CharField(blank=True, db_default='', default='', help_text='Why it was discarded', max_length=500)),
                ('job', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='jobs.job')),
                ('template', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='templates_registry.templateversion')),
                ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.tenant')),
            ],
            options={
                'db_table': 'dead_letters',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='DeadLetterReplay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fingerprint', models.CharField(max_length=32)),
                ('error_class', models.CharField(blank=True, default='', max_length=200)),
                ('requested_by', models.CharField(max_length=200)),
                ('request_id', models.CharField(blank=True, default='', max_length=64)),
                ('status', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('stopped', 'Stopped'), ('cancelled', 'Cancelled')], default='running', max_length=10)),
                ('stage', models.PositiveSmallIntegerField(default=1)),
                ('stopped_by_id', models.BigIntegerField(help_text='The execution that failed again', null=True)),
                ('note', models.CharField(blank=True, default='', help_text='Why it stopped', max_length=500)),
                ('created_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('job', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='jobs.job')),
                ('template', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='templates_registry.templateversion')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'db_table': 'dead_letter_replays',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='DeadLetterRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stage', models.PositiveSmallIntegerField(default=1)),
                ('execution_id', models.BigIntegerField(null=True, unique=True)),
                ('outcome', models.CharField(blank=True, choices=[('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='', max_length=10)),
                ('letter', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='jobs.deadletter')),
                ('replay', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='jobs.deadletterreplay')),
            ],
            options={
                'db_table': 'dead_letter_runs',
                'ordering': ['id'],
            },
        ),
        migrations.AddIndex(
            model_name='deadletter',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['tenant', 'template', 'job', 'fingerprint'], name='dead_letters_open'),
        ),
        migrations.AddIndex(
            model_name='deadletter',
            index=models.Index(fields=['tenant', '-id'], name='dead_letters_by_tenant'),
        ),
        migrations.AddIndex(
            model_name='deadletter',
            index=models.Index(fields=['fingerprint'], name='dead_letters_by_fingerprint'),
        ),
        migrations.AddConstraint(
            model_name='deadletter',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'replaying', 'resolved', 'failed_again', 'discarded'])), name='dead_letter_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='deadletter',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('state__in', ['open', 'replaying'])), models.Q(models.Q(('state__in', ['open', 'replaying']), _negated=True), ('closed_at__isnull', False)), _connector='OR'), name='dead_letter_is_closed_at_some_time'),
        ),
        migrations.AddIndex(
            model_name='deadletterreplay',
            index=models.Index(condition=models.Q(('status', 'running')), fields=['id'], name='dead_letter_replays_running'),
        ),
        migrations.AddIndex(
            model_name='deadletterreplay',
            index=models.Index(fields=['tenant', '-id'], name='dead_letter_replays_by_tenant'),
        ),
        migrations.AddConstraint(
            model_name='deadletterreplay',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['running', 'done', 'stopped', 'cancelled'])), name='dead_letter_replay_status_is_known'),
        ),
        migrations.AddConstraint(
            model_name='deadletterrun',
            constraint=models.UniqueConstraint(condition=models.Q(('outcome', '')), fields=('letter',), name='one_replay_of_a_dead_letter_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='deadletterrun',
            constraint=models.UniqueConstraint(fields=('replay', 'letter'), name='one_run_per_replay_and_dead_letter'),
        ),
    ]
