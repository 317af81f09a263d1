"""Routes of the API's documents, and the end of the road for every other path under /api/."""

from django.urls import re_path

from scheduler_project.api.documents import SchemaView, SwaggerView
from scheduler_project.api.errors import no_such_path

urlpatterns = [
    re_path(r"^schema/?$", SchemaView.as_view(), name="api-schema"),
    re_path(r"^docs/?$", SwaggerView.as_view(), name="api-docs"),
    re_path(r"^", no_such_path),
]
