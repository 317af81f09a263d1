"""A list whose address has parameters of our own beside the filters."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from jobs.admin.lists.filter_bar import OWN


class ConsoleChangeList(ChangeList):
    def get_filters_params(self, params: Any = None) -> Any:
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in OWN}


def find_changelist(model_admin: Any, request: HttpRequest) -> Any:
    """The list that the address asks for; None when it asks for what cannot be."""
    try:
        return model_admin.get_changelist_instance(request)
    except IncorrectLookupParameters:
        return None
