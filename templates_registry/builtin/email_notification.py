"""Sends a mail through Django's mail settings, with a few facts about the run filled in."""

from __future__ import annotations

from email.utils import parseaddr

from django.conf import settings
from django.core.mail import BadHeaderError, EmailMessage

from templates_registry import placeholders
from templates_registry.base import JSON, EffectReport, JobTemplate, Parameters
from templates_registry.context import RunContext
from templates_registry.registry import register

PLACEHOLDERS = ("job", "scheduled_for", "started_at", "execution_id", "attempt", "tenant")


@register
class EmailNotificationTemplate(JobTemplate):
    name = "email_notification"
    title = "Send an e-mail"
    category = "Notification"
    description = "Sends a text mail to a list of recipients."
    parameters = {
        "type": "object",
        "additionalProperties": False,
        "required": ["recipients", "subject", "body"],
        "properties": {
            "recipients": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "uniqueItems": True,
                "items": {"type": "string", "format": "email", "maxLength": 254},
                "title": "Recipients",
                "description": "They see each other's addresses.",
            },
            "subject": {
                "type": "string",
                "minLength": 1,
                "maxLength": 200,
                "pattern": r"^[^\x00-\x1f\x7f\u0085\u2028\u2029]*$",
                "x-pattern-hint": "one line of text",
                "title": "Subject",
                "description": f"May contain {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}.",
            },
            "body": {
                "type": "string",
                "minLength": 1,
                "maxLength": 20_000,
                "title": "Text",
                "description": "Plain text, with the same placeholders as the subject. Write {{ and }} for braces.",
            },
        },
    }
    supports_dry_run = True
    never_retry_on = (BadHeaderError,)

    @classmethod
    def check_parameters(cls, parameters: Parameters) -> dict[str, list[str]]:
        found = {name: placeholders.check(parameters[name], PLACEHOLDERS) for name in ("subject", "body")}
        return {f"parameters.{name}": messages for name, messages in found.items() if messages}

    def run(self, context: RunContext, parameters: Parameters) -> JSON:
        message = _message(context, parameters)
        if not message.send():
            raise ConnectionError("The mail server did not take the message.")
        context.log(f"Sent to {len(message.to)} recipients.")
        return {"recipients": len(message.to), "message_id": message.extra_headers["Message-ID"]}

    def dry_run(self, context: RunContext, parameters: Parameters) -> EffectReport:
        message = _message(context, parameters)
        return EffectReport(
            summary=f"Would send “{message.subject}” to {len(message.to)} recipients.",
            count=len(message.to),
            sample=list(message.to[:5]),
            facts={"from": message.from_email, "subject": str(message.subject), "body": str(message.body)},
        )


def _message(context: RunContext, parameters: Parameters) -> EmailMessage:
    due = context.scheduled_for or context.started_at
    values = {
        "job": context.job_name,
        "scheduled_for": due.isoformat(timespec="seconds"),
        "started_at": context.started_at.isoformat(timespec="seconds"),
        "execution_id": str(context.execution_id),
        "attempt": str(context.attempt),
        "tenant": context.tenant,
    }
    _, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    domain = sender.rpartition("@")[2]
    return EmailMessage(
        # The name of a job may hold what a header may not.
        subject=" ".join(placeholders.fill(parameters["subject"], values).split()),
        body=placeholders.fill(parameters["body"], values),
        to=list(parameters["recipients"]),
        # The same for every attempt, so that mail programs can drop the second copy.
        headers={"Message-ID": f"<{context.run_key}@{domain}>"},
    )
