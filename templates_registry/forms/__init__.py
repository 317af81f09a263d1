"""Makes a Django form out of a JSON Schema. The form only converts; the schema remains the only judge."""

from templates_registry.forms.compiler import raw_parts
from templates_registry.forms.form import Group, ParameterForm, apply_errors, form_class, initial_from

__all__ = ["Group", "ParameterForm", "apply_errors", "form_class", "initial_from", "raw_parts"]
