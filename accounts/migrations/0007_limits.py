import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("accounts", "0006_credentials")]

    operations = [
        migrations.CreateModel(
            name='RateLimit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('endpoint', models.CharField(help_text='A class of endpoints such as read, or the name of a route', max_length=100)),
                ('level', models.CharField(choices=[('granted', 'Granted by a superuser'), ('chosen', 'Chosen by the tenant')], db_default='granted', default='granted', max_length=10)),
                ('per_minute', models.PositiveIntegerField(blank=True, help_text='Without limit if none', null=True)),
                ('burst', models.PositiveIntegerField(blank=True, help_text='At once; as many as in a minute if none', null=True)),
                ('algorithm', models.CharField(choices=[('bucket', 'Bucket'), ('window', 'Window')], db_default='bucket', default='bucket', max_length=10)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_by', models.CharField(db_default='', default='', max_length=200)),
                ('tenant', models.ForeignKey(blank=True, help_text='Everyone if none', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.tenant')),
            ],
            options={
                'db_table': 'rate_limits',
                'ordering': ['tenant', 'endpoint', 'level'],
                'constraints': [
                    models.UniqueConstraint(fields=('tenant', 'endpoint', 'level'), name='one_rate_limit_per_endpoint', nulls_distinct=False),
                    models.CheckConstraint(condition=models.Q(('level', 'granted'), models.Q(('per_minute__isnull', False), ('tenant__isnull', False)), _connector='OR'), name='chosen_rate_limit_limits'),
                    models.CheckConstraint(condition=models.Q(models.Q(('per_minute__isnull', True), ('per_minute__range', (1, 1000000)), _connector='OR'), models.Q(('burst__isnull', True), ('burst__range', (1, 1000000)), _connector='OR')), name='rate_limit_is_positive'),
                    models.CheckConstraint(condition=models.Q(('algorithm', 'bucket'), ('per_minute__lte', 10000), _connector='OR'), name='rate_limit_window_is_small'),
                ],
            },
        ),
    ]
