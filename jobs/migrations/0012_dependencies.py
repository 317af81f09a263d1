import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('accounts', '0003_api_key_wording'), ('jobs', '0011_dead_letters')]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX executions_held_for_upstream ON job_executions (job_id, scheduled_for) "
            "WHERE status = 'queued' AND held_for = 'upstream'",
            "DROP INDEX executions_held_for_upstream",
        ),
        migrations.RunSQL(
            # What ended before there were dependencies follows nobody.
            "INSERT INTO event_cursors (name, xid, event_id) "
            "SELECT 'successions', pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1, 0",
            "DELETE FROM event_cursors WHERE name = 'successions'",
        ),
        migrations.AddField(
            model_name='job',
            name='has_successors',
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text='Other jobs follow it or wait for it'),
        ),
        migrations.CreateModel(
            name='Dependency',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('trigger', 'Trigger'), ('gate', 'Gate')], max_length=10)),
                ('condition', models.CharField(choices=[('success', 'Success'), ('failure', 'Failure'), ('always', 'Always')], default='success', max_length=10)),
                ('parameters', models.JSONField(blank=True, default=dict, help_text="Parameter of the downstream -> JSON pointer into the upstream's result")),
                ('gate_patience_seconds', models.PositiveIntegerField(blank=True, null=True)),
                ('created_at', models.DateTimeField(help_text='It answers for what ends from here on')),
                ('created_by', models.CharField(max_length=200)),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
                ('removed_by', models.CharField(blank=True, default='', max_length=200)),
                ('downstream', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='edges_to_upstreams', to='jobs.job')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('upstream', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='edges_to_downstreams', to='jobs.job')),
            ],
            options={
                'verbose_name_plural': 'dependencies',
                'db_table': 'job_dependencies',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Succession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('upstream_execution_id', models.BigIntegerField(help_text='None where a gate shut since there was no execution to wait for', null=True)),
                ('successor_id', models.BigIntegerField(help_text='The execution that was started, or that a gate held', null=True)),
                ('flow_id', models.BigIntegerField(null=True)),
                ('outcome', models.CharField(choices=[('started', 'Started'), ('waiting', 'Waiting'), ('not_started', 'Not started')], max_length=12)),
                ('reason', models.CharField(blank=True, default='', max_length=60)),
                ('message', models.CharField(blank=True, default='', max_length=500)),
                ('decided_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('dependency', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='successions', to='jobs.dependency')),
                ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.tenant')),
            ],
            options={
                'db_table': 'job_successions',
                'ordering': ['id'],
            },
        ),
        migrations.AddIndex(
            model_name='dependency',
            index=models.Index(condition=models.Q(('removed_at', None)), fields=['downstream', 'kind'], name='dependencies_downstream'),
        ),
        migrations.AddConstraint(
            model_name='dependency',
            constraint=models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('upstream', 'downstream'), name='one_dependency_per_pair'),
        ),
        migrations.AddConstraint(
            model_name='dependency',
            constraint=models.CheckConstraint(condition=models.Q(('upstream', models.F('downstream')), _negated=True), name='no_job_follows_itself'),
        ),
        migrations.AddConstraint(
            model_name='dependency',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('gate_patience_seconds', None), ('kind', 'trigger')), models.Q(('gate_patience_seconds__gte', 1), ('gate_patience_seconds__lte', 604800), ('kind', 'gate')), _connector='OR'), name='gates_have_a_patience'),
        ),
        migrations.AddConstraint(
            model_name='dependency',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['trigger', 'gate'])), name='dependency_kind_is_known'),
        ),
        migrations.AddConstraint(
            model_name='dependency',
            constraint=models.CheckConstraint(condition=models.Q(('condition__in', ['success', 'failure', 'always'])), name='dependency_condition_is_known'),
        ),
        migrations.AddIndex(
            model_name='succession',
            index=models.Index(fields=['upstream_execution_id'], name='successions_of_an_execution'),
        ),
        migrations.AddIndex(
            model_name='succession',
            index=models.Index(fields=['successor_id'], name='successions_to_an_execution'),
        ),
        migrations.AddIndex(
            model_name='succession',
            index=models.Index(fields=['flow_id'], name='successions_by_flow'),
        ),
        migrations.AddIndex(
            model_name='succession',
            index=models.Index(condition=models.Q(('outcome', 'waiting')), fields=['id'], name='successions_waiting'),
        ),
        migrations.AddConstraint(
            model_name='succession',
            constraint=models.UniqueConstraint(fields=('dependency', 'upstream_execution_id'), name='one_succession_per_dependency_and_execution'),
        ),
        migrations.AddConstraint(
            model_name='succession',
            constraint=models.UniqueConstraint(fields=('dependency', 'successor_id'), name='one_succession_per_successor'),
        ),
        migrations.AddConstraint(
            model_name='succession',
            constraint=models.CheckConstraint(condition=models.Q(('outcome', 'not_started'), ('reason', ''), _connector='OR'), name='only_what_did_not_start_has_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='succession',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['started', 'waiting', 'not_started'])), name='succession_outcome_is_known'),
        ),
    ]
