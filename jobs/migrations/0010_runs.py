from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_api_key_wording'),
        ('jobs', '0009_switch_indexes'),
    ]

    operations = [
        migrations.CreateModel(
            name='QueueRejection',
            fields=[
                ('priority', models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ('count', models.BigIntegerField(default=0)),
                ('last_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'queue_rejections',
            },
        ),
        migrations.AddField(
            model_name='executionlease',
            name='tenant_id',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='job',
            name='has_gates',
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text='Its ticks wait for those of other jobs'),
        ),
        migrations.CreateModel(
            name='Pool',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60)),
                ('name', models.CharField(max_length=200)),
                ('size', models.PositiveIntegerField(help_text='How many runs at once')),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_by', models.CharField(blank=True, default='', editable=False, max_length=200)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pools', to='accounts.tenant')),
            ],
            options={
                'db_table': 'pools',
                'ordering': ['tenant', 'name'],
            },
        ),
        migrations.AddField(
            model_name='job',
            name='pool',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='jobs', to='jobs.pool'),
        ),
        migrations.AddConstraint(
            model_name='pool',
            constraint=models.UniqueConstraint(fields=('tenant', 'slug'), name='one_pool_per_slug_and_tenant'),
        ),
        migrations.AddConstraint(
            model_name='pool',
            constraint=models.CheckConstraint(condition=models.Q(('size__gte', 1), ('size__lte', 1000)), name='pool_size_is_sensible'),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL((SQL / "runs.sql").read_text(), (SQL / "runs_reverse.sql").read_text()),
            ],
            state_operations=[
                migrations.AddField(
                    model_name='execution',
                    name='approved_at',
                    field=models.DateTimeField(null=True),
                ),
                migrations.AddField(
                    model_name='execution',
                    name='approved_by',
                    field=models.CharField(blank=True, default='', max_length=200),
                ),
                migrations.AddField(
                    model_name='execution',
                    name='cancel_seen_at',
                    field=models.DateTimeField(help_text='When the process of the run learned of it', null=True),
                ),
                migrations.AddField(
                    model_name='execution',
                    name='fingerprint',
                    field=models.CharField(blank=True, default='', help_text='The same for errors of one cause', max_length=32),
                ),
                migrations.AddField(
                    model_name='execution',
                    name='flow_id',
                    field=models.BigIntegerField(help_text='The first execution of the chain that this one belongs to', null=True),
                ),
                migrations.AddField(
                    model_name='execution',
                    name='held_for',
                    field=models.CharField(blank=True, choices=[('approval', 'Approval'), ('upstream', 'Upstream'), ('slot', 'Slot')], default='', help_text='What else it waits for while queued', max_length=10),
                ),
                migrations.AddField(
                    model_name='execution',
                    name='parent_id',
                    field=models.BigIntegerField(help_text='The execution that this one follows or repeats', null=True),
                ),
                migrations.AddField(
                    model_name='execution',
                    name='pool',
                    field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='jobs.pool'),
                ),
            ],
        ),
    ]
