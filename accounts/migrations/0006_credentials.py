import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("accounts", "0005_audit"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('scheduler:read', 'See jobs, templates, ticks and executions'), ('scheduler:write', 'Create, change, pause, resume and archive jobs'), ('scheduler:run', 'Run jobs now, cancel executions, change their priority'), ('scheduler:approve', 'Approve and refuse runs that wait for it'), ('task:create', 'Run any template once, without a job'), ('task:read', 'See runs without a job'), ('task:cancel', 'Cancel runs without a job'), ('notifications:read', 'See notifications'), ('notifications:write', 'Create notifications, mark them as read, clear them'), ('keys:read', "See the tenant's API keys, without their text"), ('keys:write', "Create, rotate and revoke the tenant's API keys"), ('tenant:read', "See the tenant's members and limits"), ('tenant:write', "Change the tenant's members and limits"), ('audit:read', 'See the audit trail and the record of requests')], max_length=40), size=None),
        ),
        migrations.AddField(
            model_name='apikey',
            name='is_internal',
            field=models.BooleanField(db_default=False, default=False, help_text='Of a program of our own: no rate limit holds for it. Only superusers make such keys.', verbose_name='internal'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='last_used_at',
            field=models.DateTimeField(blank=True, help_text='Written by a sweep, so a little late', null=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='revoked_by',
            field=models.CharField(blank=True, db_default='', default='', help_text='user:<name>, …', max_length=200),
        ),
        migrations.AddField(
            model_name='apikey',
            name='rotated_from',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='replaced_by', to='accounts.apikey'),
        ),
        migrations.CreateModel(
            name='SignIn',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None)),
                ('is_unlimited', models.BooleanField(default=False, help_text='A superuser who asked for no limit')),
                ('password_mark', models.CharField(help_text='Changes with the password', max_length=64)),
                ('refresh_id', models.CharField(help_text='The refresh token that is good now', max_length=32)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('expires_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('end_reason', models.CharField(default='', max_length=20)),
                ('tenant', models.ForeignKey(help_text='None: all', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.tenant')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'sign_ins',
                'indexes': [models.Index(fields=['expires_at'], name='sign_ins_by_expiry')],
            },
        ),
    ]
