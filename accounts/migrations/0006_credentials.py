import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("accounts", "0005_audit")]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('scheduler:read', 'See jobs, templates, ticks and executions'), ('scheduler:write', 'Create, change, pause, resume and archive jobs'), ('scheduler:run', 'Run jobs now, cancel executions, change their priority'), ('scheduler:approve', 'Approve and refuse runs that wait for it'), ('task:create', 'Run any template once, without a job'), ('task:read', 'See runs without a job'), ('task:cancel', 'Cancel runs without a job'), ('notifications:read', 'See notifications'), ('notifications:write', 'Create notifications, mark them as read, clear them'), ('keys:read', "See the tenant's API keys, without their text"), ('keys:write', "Create, rotate and revoke the tenant's API keys"), ('tenant:read', "See the tenant's members and limits"), ('tenant:write', "Change the tenant's members and limits"), ('audit:read', 'See the audit trail and the record of requests')], max_length=40), size=None),
        ),
    ]
