"""Routes."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from scheduler_project import aliases
from scheduler_project.api.errors import no_such_path

admin.autodiscover()

api = [
    path("v1/", include("jobs.api.urls")),
    path("v1/", include("accounts.api.urls")),
    path("v1/", include("notifications.api.urls")),
    path("v1/", include(aliases.under_api_v1)),
    path("admin/", include(aliases.under_api_admin)),
    path("", include("scheduler_project.api.urls")),  # last: it answers for every path that nobody else serves
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", include(api)),
    path("v1/", include([*aliases.under_v1, re_path("^", no_such_path)])),
    path("", include("scheduler_project.observability.urls")),
]

handler400 = "scheduler_project.api.errors.bad_request"
handler403 = "scheduler_project.frame.error_pages.permission_denied"
handler404 = "scheduler_project.frame.error_pages.page_not_found"
handler500 = "scheduler_project.frame.error_pages.server_error"
