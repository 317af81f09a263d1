"""What each `code` of an error means and what to do about it; `python -m scheduler_project.api.error_codes` writes the
page of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
ANYWHERE = "anywhere"
CHANGES = "whatever changes something"


@dataclass(frozen=True)
class Code:
    """`where` is which endpoints answer with it."""

    status: int
    meaning: str
    remedy: str
    where: str = ANYWHERE


INTRODUCTION = """# Errors of the API

Made from the code by `python -m scheduler_project.api.error_codes`; do not edit it here.

Every error under `/api/` and `/v1/` has one form, `{"error": {"code", "message", "fields", "request_id"}}`, which the
[API's page](api.md#errors) shows. Programs go by `code`, which does not change; `message` is for people and may.
Nothing has been changed when an error comes back. `request_id` is also in the header `X-Request-ID` and in the log.

Wait as long as `Retry-After` says before trying again after a 429 or a 503. A 4xx is answered the same way again until
the request is another one.
"""

CODES: dict[str, Code] = {
    "malformed": Code(
        400,
        "The body is not JSON, or holds a name twice, or what cannot be stored.",
        "Mend the body; `message` says where.",
    ),
    "invalid": Code(400, "Parameters or fields are not valid.", "Change what `fields` names by its path."),
    "not_authenticated": Code(
        401, "No credentials were sent.", "Send `Authorization: Bearer …`, `X-API-Key`, or the console's session."
    ),
    "authentication_failed": Code(
        401, "The key, token or password is not known, has expired or was revoked.", "Use another one."
    ),
    "bad_signature": Code(
        401,
        "There is no such event hook, or the call is not signed by its secret.",
        "Sign the bytes of the body as the page on webhooks says, with a clock that is right.",
        "`POST /hooks/{public_id}`",
    ),
    "unknown_ticket": Code(
        401, "The ticket was used, or is older than 30 seconds.", "Ask `POST /live/tickets` for another.", "`/live`"
    ),
    "missing_scope": Code(
        403,
        "The caller is known, but does not hold the scope that this needs.",
        "`message` names it; use a key that has it, or ask an administrator of the tenant for the role.",
    ),
    "other_tenant": Code(
        403,
        "The row, or the tenant that is named, is one that the caller is no member of.",
        "Use a key of that tenant, or ask one of its administrators for a membership.",
    ),
    "permission_denied": Code(403, "This is not allowed to the caller.", "`message` says what is missing."),
    "superuser_only": Code(
        403,
        "It concerns every tenant.",
        "Ask a superuser.",
        "maintenance, queues, circuits, catalogues, tenants, limits",
    ),
    "more_than_held": Code(
        403,
        "Nobody gives or takes away what they do not hold themselves.",
        "Leave out the scopes that `message` names, or let somebody do it who holds them.",
        "keys, tokens, members",
    ),
    "policy_denied": Code(
        403,
        "The installation's policy server has said no.",
        "Its reason is in `message`; ask who keeps the policy.",
        CHANGES,
    ),
    "wrong_origin": Code(
        403, "A page of another origin wanted the live channel.", "Open it from a page of this host.", "`/live`"
    ),
    "not_found": Code(404, "There is no such path, or no such row.", "Look at the id; lists show what there is."),
    "method_not_allowed": Code(
        405, "The path does not know this method.", "The header `Allow` has those that it knows."
    ),
    "not_acceptable": Code(406, "Answers are JSON.", "Send `Accept: application/json`, or none."),
    "already_finished": Code(
        409, "The run is over.", "Nothing; start another run if need be.", "`/executions`, `/tasks`"
    ),
    "already_replaced": Code(
        409, "The key was rotated before.", "Rotate the one that replaced it.", "`POST /keys/{id}/rotate`"
    ),
    "backfill_has_ended": Code(409, "The backfill is over.", "Nothing.", "`POST /backfills/{id}/cancel`"),
    "backfill_is_running": Code(
        409, "One backfill of a job at a time.", "Wait for it, or cancel it.", "`POST /jobs/{id}/backfills`"
    ),
    "calendar_changed": Code(
        409,
        "Someone else has changed the calendar since it was read.",
        "Read it again.",
        "`PUT`, `PATCH /calendars/{id}`",
    ),
    "calendar_in_use": Code(
        409, "Jobs go by the calendar.", "Take it from the jobs that `message` names.", "`DELETE /calendars/{id}`"
    ),
    "cannot_replay": Code(
        409, "What has failed cannot run again as it was.", "`message` says why.", "`POST /dead-letters/{id}/replay`"
    ),
    "conflict": Code(409, "The row is not in a state that allows this.", "Read it again; `message` says what it is."),
    "delivery_reused": Code(
        409,
        "Another body came before with this id of a delivery.",
        "Give each event an id of its own.",
        "`POST /hooks/{public_id}`",
    ),
    "count_has_changed": Code(
        409,
        "Not as many letters are open as `expected_count` says.",
        "Look at them and decide again.",
        "`POST /dead-letters/{id}/replay-group`, `discard-group`",
    ),
    "dependency_is_gone": Code(409, "Somebody has removed it meanwhile.", "Nothing.", "`/dependencies/{id}`"),
    "count_differs": Code(
        409,
        "Other rows are meant by now than `expect_count` says; nothing was done.",
        "Look at them again, and send the new count.",
        "bulk operations",
    ),
    "plan_changed": Code(
        409,
        "The import would come to something else by now than the plan of `plan_hash`; nothing was done.",
        "Make a new plan.",
        "`POST /jobs/import`",
    ),
    "done_before": Code(
        409,
        "A request with this `Idempotency-Key` has been carried out, and its answer held a secret that is shown once.",
        "The header `Location` has what it made; rotate its secret if the answer was lost.",
        "whatever answers with a secret",
    ),
    "entry_is_built_in": Code(
        409, "Entries that come with the product stay.", "Switch it off instead.", "job types, task functions"
    ),
    "hook_is_closed": Code(
        409, "The event hook or its job is switched off.", "Switch it on.", "`POST /hooks/{public_id}`"
    ),
    "idempotency_key_reused": Code(
        409,
        "The `Idempotency-Key` came before with another request.",
        "Choose a new key for each request.",
        "every `POST` that creates",
    ),
    "job_is_archived": Code(409, "Archived jobs do not run and do not change.", "Create a new one.", "`/jobs/{id}`"),
    "key_is_dead": Code(409, "The key has expired or was revoked.", "Create another.", "`/keys/{id}`"),
    "last_administrator": Code(
        409, "A tenant keeps one administrator.", "Make somebody else one first.", "`/members/{id}`"
    ),
    "letter_is_not_discarded": Code(
        409, "Only what was discarded is restored.", "Nothing.", "`POST /dead-letters/{id}/restore`"
    ),
    "letter_is_not_open": Code(
        409, "It was replayed or discarded meanwhile.", "Read it again.", "`/dead-letters/{id}`"
    ),
    "maintenance_is_open": Code(
        409, "Maintenance has begun already.", "End it first.", "`POST /scheduler/maintenance`"
    ),
    "no_maintenance": Code(409, "There is no maintenance to end.", "Nothing.", "`DELETE /scheduler/maintenance`"),
    "no_open_letters": Code(409, "All letters of the group are closed.", "Nothing.", "`/dead-letters/{id}/…-group`"),
    "not_queued": Code(409, "Only what still waits can get another priority.", "Nothing.", "`PATCH /executions/{id}`"),
    "not_waiting_for_approval": Code(
        409,
        "The run needs no approval, has it, or is over.",
        "Read it again.",
        "`POST /executions/{id}/approve`, `/refuse`",
    ),
    "not_waiting_for_retry": Code(
        409, "The run waits for no next try.", "Read it again.", "`POST /executions/{id}/retry-now`, `/give-up`"
    ),
    "nothing_to_redeliver": Code(
        409,
        "The delivery waits to be sent already.",
        "Nothing.",
        "`POST /webhook-deliveries/{id}/redeliver`, `POST /notification-deliveries/{id}/redeliver`",
    ),
    "nothing_to_rotate": Code(
        409,
        "Only channels of the kind webhook sign what they send.",
        "Change the channel's settings to give it another secret.",
        "`POST /notification-channels/{id}/rotate`",
    ),
    "notifications_disabled": Code(
        409,
        "Notifications are switched off, so nothing is sent.",
        "`message` names the variable that whoever runs Daybook can change.",
        "`POST /notification-channels/{id}/test`",
    ),
    "pool_in_use": Code(409, "Jobs run in the pool.", "Move them to another.", "`DELETE /pools/{id}`"),
    "quarantined": Code(
        409,
        "The stored schedule can no longer be evaluated.",
        "Write another schedule; the job's `problem` says what is wrong.",
        "`/jobs/{id}/preview`, `/calendars/{id}/preview`",
    ),
    "queue_is_not_paused": Code(409, "The queue is open.", "Nothing.", "`POST /queues/{queue}/resume`"),
    "queue_is_paused": Code(409, "Somebody has paused it already.", "Nothing.", "`POST /queues/{queue}/pause`"),
    "replay_has_ended": Code(409, "The replay is over.", "Nothing.", "`POST /dead-letters/replays/{id}/cancel`"),
    "request_in_progress": Code(
        409,
        "A request with this `Idempotency-Key` is being carried out.",
        "Send the same request again in a moment for its answer.",
        "every `POST` that creates",
    ),
    "revision_conflict": Code(
        409,
        "Someone else has changed the job since it was read.",
        "Read it, and send `expected_revision` anew.",
        "`/jobs/{id}`",
    ),
    "scheduler_disabled": Code(
        409,
        "The scheduler is switched off, so that nothing is created or run.",
        "Switch it on, or wait.",
        "jobs, runs, tasks",
    ),
    "secret_cannot_be_opened": Code(
        409,
        "The key that a stored secret was encrypted with is not at hand.",
        "Give the server its key, or write the secret again.",
    ),
    "still_catching_up": Code(
        409, "Ticks that are due have not been decided yet.", "Try again in a moment.", "`PUT`, `PATCH /jobs/{id}`"
    ),
    "too_many_channels": Code(
        409, "The tenant has as many as it can have.", "Delete one first.", "`POST /notification-channels`"
    ),
    "too_many_hooks": Code(409, "The job has as many as it can have.", "Delete one first.", "`POST /jobs/{id}/hooks`"),
    "too_many_keys": Code(409, "The tenant has as many as it can have.", "Revoke one first.", "`POST /keys`"),
    "too_many_rules": Code(
        409, "The tenant has as many as it can have.", "Delete one first.", "`POST /notification-rules`"
    ),
    "too_many_webhooks": Code(409, "The tenant has as many as it can have.", "Delete one first.", "`POST /webhooks`"),
    "precondition_failed": Code(
        412,
        "The row is not, or no longer, what `If-Match` names: somebody else has changed it.",
        "Read it again.",
        "changes of a row",
    ),
    "too_large": Code(413, "The body is larger than the server accepts.", "Send less, or in several requests."),
    "uri_too_long": Code(414, "The path or a parameter is too long.", "Shorten it; `message` has the bound."),
    "unsupported_media_type": Code(415, "Bodies are JSON.", "Send `Content-Type: application/json`.", CHANGES),
    "precondition_required": Code(
        428, "This installation wants `If-Match` on changes.", "Send the row's `ETag` in it.", "changes of a row"
    ),
    "rate_limited": Code(
        429,
        "Too many requests of the tenant, calls of the hook, or messages of the channel.",
        "Wait as long as `Retry-After` says.",
    ),
    "sign_ins_limited": Code(
        429,
        "Too many wrong passwords for this name or from this address.",
        "Wait as long as `Retry-After` says.",
        "`POST /token`",
    ),
    "too_many_connections": Code(429, "As many live connections as are allowed.", "Close one first.", "`/live`"),
    "headers_too_large": Code(431, "The headers are too long.", "Shorten the one that `message` names."),
    "internal_error": Code(500, "Our fault.", "Report it with the `request_id`, which finds it in the log."),
    "not_provisioned": Code(
        501,
        "The installation lacks a part that this needs, such as a broker.",
        "Ask who runs it to set what `message` names.",
        "runs, tasks, `/live`",
    ),
    "busy": Code(503, "Not now.", "Try again after `Retry-After`."),
    "keys_unavailable": Code(
        503,
        "The server that keeps encryption keys does not answer.",
        "Try again after `Retry-After`.",
        "secret parameters",
    ),
    "policy_unavailable": Code(
        503,
        "The policy server does not answer, and without it nothing changes.",
        "Try again after `Retry-After`.",
        CHANGES,
    ),
    "queue_full": Code(
        503, "So much waits in the queue that it takes no more.", "Try again after `Retry-After`.", "runs, tasks"
    ),
    "rate_limiter_unavailable": Code(
        503, "Without Redis nobody can count, so no keys are made.", "Try again after `Retry-After`.", "keys"
    ),
    "unavailable": Code(
        503, "The database, or another part, did not answer in time.", "Try again after `Retry-After`."
    ),
}


def page() -> str:
    rows = [
        f"| {code.status} | `{name}` | {code.meaning} | {code.remedy} | {code.where} |"
        for name, code in sorted(CODES.items(), key=lambda entry: (entry[1].status, entry[0]))
    ]
    head = ["| Status | `code` | What it means | What to do | Where |", "|---|---|---|---|---|"]
    return "\n".join([INTRODUCTION, *head, *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(page())
