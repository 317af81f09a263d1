"""The admin site of the console."""

from django.contrib.admin import AdminSite


class ConsoleAdminSite(AdminSite):
    site_header = "Daybook"
    site_title = "Daybook"
    index_title = "Overview"
