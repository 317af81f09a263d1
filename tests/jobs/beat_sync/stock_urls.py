"""Routes of an admin site with django-celery-beat's own classes, as another project would have them."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.urls import path
from django_celery_beat import admin, models

site = AdminSite(name="admin")
site.register(models.PeriodicTask, admin.PeriodicTaskAdmin)
site.register(models.CrontabSchedule, admin.CrontabScheduleAdmin)
site.register(models.IntervalSchedule, admin.IntervalScheduleAdmin)
site.register(models.ClockedSchedule, admin.ClockedScheduleAdmin)
site.register(models.SolarSchedule, admin.SolarScheduleAdmin)

urlpatterns = [path("admin/", site.urls)]
