import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import scheduler_project.lib.signatures
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("accounts", "0003_api_key_wording"), ("jobs", "0015_run_context")]

    operations = [
        migrations.CreateModel(
            name='EventHook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=scheduler_project.lib.signatures.new_public_id, editable=False, max_length=22, unique=True)),
                ('nonce', models.CharField(default=scheduler_project.lib.signatures.new_nonce, editable=False, max_length=43)),
                ('previous_nonce', models.CharField(blank=True, default='', editable=False, max_length=43)),
                ('previous_until', models.DateTimeField(editable=False, help_text='Until then the former secret works too', null=True)),
                ('name', models.CharField(max_length=200)),
                ('is_enabled', models.BooleanField(default=True)),
                ('accepts_github', models.BooleanField(default=False, help_text='Signatures as GitHub makes them are good as well')),
                ('mapping', models.JSONField(blank=True, default=dict, help_text='JSON pointers into the body, by parameter')),
                ('body_parameter', models.CharField(blank=True, default='', help_text='Takes the whole body', max_length=100)),
                ('calls_per_minute', models.PositiveIntegerField(default=60)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_by', models.CharField(blank=True, default='', editable=False, max_length=200)),
                ('refused_at', models.DateTimeField(editable=False, null=True)),
                ('refused_because', models.CharField(blank=True, default='', editable=False, max_length=200)),
                ('job', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='event_hooks', to='jobs.job')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'db_table': 'event_hooks',
                'ordering': ['job', 'name'],
            },
        ),
        migrations.CreateModel(
            name='HookCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('outcome', models.CharField(choices=[('accepted', 'Accepted'), ('repeated', 'Repeated'), ('refused', 'Refused')], max_length=10)),
                ('message', models.CharField(blank=True, default='', max_length=500)),
                ('execution_id', models.BigIntegerField(null=True)),
                ('signed', models.CharField(help_text='SHA-256 of what was signed, of accepted calls', max_length=64, null=True)),
                ('delivery', models.CharField(help_text="SHA-256 of the sender's id of the delivery", max_length=64, null=True)),
                ('body', models.CharField(help_text='SHA-256', max_length=64)),
                ('request_id', models.CharField(blank=True, default='', max_length=64)),
                ('hook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='jobs.eventhook')),
            ],
            options={
                'db_table': 'event_hook_calls',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=scheduler_project.lib.signatures.new_public_id, editable=False, max_length=22, unique=True)),
                ('nonce', models.CharField(default=scheduler_project.lib.signatures.new_nonce, editable=False, max_length=43)),
                ('previous_nonce', models.CharField(blank=True, default='', editable=False, max_length=43)),
                ('previous_until', models.DateTimeField(editable=False, help_text='Until then the former secret works too', null=True)),
                ('name', models.CharField(max_length=200)),
                ('url', models.CharField(max_length=2000)),
                ('events', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('succeeded', 'Succeeded'), ('failed', 'Failed'), ('timed_out', 'Timed out'), ('cancelled', 'Cancelled'), ('lost', 'Lost'), ('dead', 'Dead')], max_length=10), size=None)),
                ('is_enabled', models.BooleanField(default=True)),
                ('failures_in_row', models.PositiveIntegerField(default=0, editable=False, help_text='Failed calls since the last good')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_by', models.CharField(blank=True, default='', editable=False, max_length=200)),
                ('job', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to='jobs.job')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'db_table': 'webhooks',
                'ordering': ['tenant', 'name'],
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, help_text="The same for every try: the receiver's key")),
                ('execution_id', models.BigIntegerField()),
                ('event', models.CharField(choices=[('succeeded', 'Succeeded'), ('failed', 'Failed'), ('timed_out', 'Timed out'), ('cancelled', 'Cancelled'), ('lost', 'Lost'), ('dead', 'Dead')], max_length=10)),
                ('payload', models.JSONField()),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('dead', 'Dead')], default='waiting', max_length=10)),
                ('reason', models.CharField(blank=True, default='', max_length=500)),
                ('tries', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('give_up_at', models.DateTimeField()),
                ('next_try_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('log', models.JSONField(default=list, help_text='The newest tries: at, seconds, status, answer, error')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('webhook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='jobs.webhook')),
            ],
            options={
                'verbose_name_plural': 'webhook deliveries',
                'db_table': 'webhook_deliveries',
                'ordering': ['-id'],
            },
        ),
        migrations.AddConstraint(
            model_name='eventhook',
            constraint=models.CheckConstraint(condition=models.Q(('calls_per_minute__gte', 1), ('calls_per_minute__lte', 6000)), name='event_hook_is_bounded'),
        ),
        migrations.AddIndex(
            model_name='hookcall',
            index=models.Index(fields=['hook', 'at'], name='hook_calls_by_hook'),
        ),
        migrations.AddIndex(
            model_name='hookcall',
            index=models.Index(fields=['at'], name='hook_calls_by_age'),
        ),
        migrations.AddConstraint(
            model_name='hookcall',
            constraint=models.UniqueConstraint(fields=('hook', 'signed'), name='one_run_per_hook_and_signed_call'),
        ),
        migrations.AddConstraint(
            model_name='hookcall',
            constraint=models.UniqueConstraint(fields=('hook', 'delivery'), name='one_run_per_hook_and_delivery'),
        ),
        migrations.AddConstraint(
            model_name='hookcall',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['accepted', 'repeated', 'refused'])), name='hook_call_outcome_is_known'),
        ),
        migrations.AddIndex(
            model_name='webhook',
            index=models.Index(condition=models.Q(('is_enabled', True)), fields=['tenant'], name='webhooks_enabled'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('next_try_at__isnull', False)), fields=['webhook', 'next_try_at'], name='webhook_deliveries_due'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['webhook', '-id'], name='webhook_deliveries_newest'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['execution_id'], name='webhook_deliveries_by_run'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['created_at'], name='webhook_deliveries_by_age'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.UniqueConstraint(fields=('webhook', 'execution_id', 'event'), name='one_delivery_per_webhook_and_event'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['waiting', 'delivered', 'dead'])), name='webhook_delivery_status_is_known'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('next_try_at__isnull', False), ('status', 'waiting')), models.Q(models.Q(('status', 'waiting'), _negated=True), ('next_try_at', None)), _connector='OR'), name='webhook_delivery_waits_for_a_time'),
        ),
    ]
