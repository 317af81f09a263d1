"""What is worth knowing of a template at a glance, as chips."""

from __future__ import annotations

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from scheduler_project.lib import markup
from templates_registry.models import TemplateVersion
from templates_registry.schema import secret_paths


def traits(row: TemplateVersion) -> SafeString:
    chips = []
    if row.is_destructive:
        chips.append(markup.chip("Destructive", tone="warn", shape="alert", title="A run deletes or overwrites data"))
    if row.requires_approval:
        chips.append(markup.chip("Approval", tone="warn", shape="hand", title="Each run waits until it is approved"))
    if row.supports_dry_run:
        chips.append(markup.chip("Dry run", tone="info", shape="eye", title="Can say what a run would do"))
    if row.is_idempotent:
        chips.append(markup.chip("Repeatable", tone="quiet", shape="again", title="Running it twice does no harm"))
    if secret_paths(row.schema):
        chips.append(markup.chip("Secrets", tone="quiet", shape="key", title="Takes secrets, which are encrypted"))
    if not row.is_available:
        chips.append(markup.chip("Gone", tone="bad", shape="unknown", title="The code has no such version any more"))
    return format_html('<span class="chips">{}</span>', format_html_join(" ", "{}", ((chip,) for chip in chips)))
