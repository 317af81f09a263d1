"""Named searches of the console's lists."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant
from jobs.models.choices import choices, is_known
from jobs.rules.states import ListPage


class SavedView(models.Model):
    """The filters, search and order of a list under a name: of one person, or shared with the tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="saved_views"
    )
    page = models.CharField(max_length=10, choices=choices(ListPage))
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000, help_text="As it stands in the address of the list")
    is_shared = models.BooleanField(default=False, db_default=False)
    is_default = models.BooleanField(default=False, db_default=False, help_text="Its owner's list opens with it")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "saved_views"
        ordering = ["name", "id"]
        constraints = [
            is_known("page", ListPage, "saved_view_page_is_known"),
            models.CheckConstraint(
                condition=models.Q(owner__isnull=False) | models.Q(is_shared=True),
                name="saved_view_belongs_to_somebody",
            ),
            models.UniqueConstraint(
                "owner", "page", condition=models.Q(is_default=True), name="one_default_view_of_each_list"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "page", "name"], name="saved_views_of_a_list")]

    def __str__(self) -> str:
        return self.name
