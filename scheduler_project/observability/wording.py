"""The words for every telemetry event: event -> (level, wording). Nothing else words a log line of the engine."""

from __future__ import annotations

from logging import DEBUG, ERROR, INFO, WARNING

WORDING: dict[str, tuple[int, str]] = {
    # --- the lead and the ledger ---
    "leader.acquired": (INFO, "{holder} acquired leader, epoch {epoch}"),
    "leader.lost": (WARNING, "{holder} lost the lead of epoch {epoch}"),
    "leader.released": (INFO, "{holder} released the lead of epoch {epoch}"),
    "clock.jumped": (WARNING, "The database's clock jumped by {seconds:.1f} s"),
    "tick.decided": (INFO, "Decided {ticks} ticks of {jobs} jobs, {fired} fired"),
    "tick.duplicated": (ERROR, "{ticks} ticks were in the ledger already; the constraint kept them from firing twice"),
    "ledger.violation": (ERROR, "The ledger is wrong: job {job_id} has {ticks} {kind} ticks from {first_due_at} on"),
    # --- executions ---
    "execution.dispatched": (INFO, "Dispatched job execution {execution_id} to {queue}"),
    "execution.announcement_failed": (WARNING, "Not announced at once: executions={count}, {error}"),
    "execution.redelivered": (INFO, "{count} executions are announced again"),
    "execution.succeeded": (INFO, "Execution {execution_id} of {job} executed successfully in {seconds:.3f} s"),
    "execution.failed": (WARNING, "Execution {execution_id} of {job} failed and is {status}: {error}"),
    "execution.timed_out": (WARNING, "Execution {execution_id} of {job} timed out and is {status}: {error}"),
    "execution.cancelled": (INFO, "Execution {execution_id} of {job} was cancelled after {seconds:.3f} s"),
    "execution.lost": (ERROR, "Execution {execution_id} of {job} was lost and is {status}: {error}"),
    "execution.handed_back": (
        INFO,
        "Execution {execution_id} of {job} was cut off by a shutdown and is {status} again",
    ),
    "execution.circuit_open": (WARNING, "Execution {execution_id} of {job} waits: {error}"),
    "execution.keys_unavailable": (WARNING, "Execution {execution_id} of {job} waits for its secrets: {error}"),
    "execution.overtaken": (
        ERROR,
        "Execution {execution_id} of {job} had another owner already; its end counts nothing",
    ),
    "execution.child_failed": (
        ERROR,
        "The process for execution {execution_id} ended with {code}; it gets no other one for {seconds:g} s",
    ),
    "execution.expired": (WARNING, "Execution {execution_id} was not started in time and is cancelled"),
    # --- jobs ---
    "job.created": (INFO, "{actor} created {job}"),
    "job.changed": (INFO, "{actor} changed {job}"),
    "job.paused": (INFO, "{actor} paused {job} {note}"),
    "job.resumed": (INFO, "{actor} resumed {job} {note}"),
    "job.enabled": (INFO, "{actor} enabled {job} {note}"),
    "job.disabled": (INFO, "{actor} disabled {job} {note}"),
    "job.archived": (INFO, "{actor} archived {job} {note}"),
    "job.adopted": (INFO, "{actor} adopted {job}"),
    "job.observed": (INFO, "{actor} set {job} to be observed only {note}"),
    "job.live": (INFO, "{actor} set {job} live {note}"),
    "job.engine_upgraded": (INFO, "{job} follows new rules: {note}"),
    "job.quarantined": (ERROR, "{job} is quarantined: {problem}"),
    "job.released": (INFO, "{job} has its template again"),
    # --- the audit trail ---
    "audit.denial_unrecorded": (ERROR, "A denied request is not in the audit trail: {error}"),
    "audit.restored": (WARNING, "The database was restored: the audit trail goes on after entry {entries_up_to}"),
    "audit.dropped": (INFO, "Dropped {month} from the audit trail: {entries} entries"),
    "audit.kept_unsealed": (WARNING, "{month} stays in the audit trail: it has entries that are not sealed yet"),
    "requests.dropped": (WARNING, "{count} API requests are not on record: Redis is away or full"),
    # --- the live channel ---
    "live.refused": (INFO, "A live connection was refused: {code}"),
    "live.cut": (INFO, "A live connection was cut off: {code}"),
    "live.failed": (ERROR, "A live connection failed: {error}"),
    # --- backfills ---
    "backfill.started": (INFO, "{actor} started backfill {backfill} of {job}: {runs} runs"),
    "backfill.cancelled": (INFO, "{actor} cancelled backfill {backfill} of {job}"),
    "backfill.ended": (INFO, "Backfill {backfill} of {job} is {status}"),
    # --- dependencies ---
    "dependency.failed": (ERROR, "Dependency {dependency} could not answer for execution {execution_id}: {error}"),
    "dependency.release_failed": (
        WARNING,
        "The successors of execution {execution_id} were not released at once; the sweep does it: {error}",
    ),
    # --- queues and pools ---
    "queue.rejected": (WARNING, "A run of priority {priority} was refused: the queue is full"),
    "pool.created": (INFO, "{actor} created the pool {pool} of {size}"),
    "pool.changed": (INFO, "{actor} changed the pool {pool}, now of {size}"),
    "pool.deleted": (INFO, "{actor} removed the pool {pool}"),
    # --- dead letters ---
    "execution.rerun": (INFO, "{actor} had execution {execution_id} run again as {new_id}"),
    "dead_letter.replayed": (INFO, "{actor} replayed dead letter {letter} as execution {execution_id}"),
    "dead_letter.discarded": (INFO, "{actor} discarded {letters} dead letters: {note}"),
    "dead_letter.restored": (INFO, "{actor} opened dead letter {letter} again"),
    "dead_letters.growing": (ERROR, "{count} dead letters are open; {limit} are worth a look"),
    "replay.started": (INFO, "{actor} started replay {replay} of {letters} dead letters"),
    "replay.cancelled": (INFO, "{actor} cancelled replay {replay}"),
    "replay.ended": (INFO, "Replay {replay} is {status} {note}"),
    "job.upgrade_failed": (ERROR, "Job {job_id} got no revision after the upgrade and is tried again later: {error}"),
    "job.switch_failed": (ERROR, "Job {job_id} could not be switched and is tried again later: {error}"),
    # --- calendars and maintenance ---
    "calendar.created": (INFO, "{actor} created the calendar {calendar}"),
    "calendar.changed": (INFO, "{actor} changed the calendar {calendar}"),
    "calendar.deleted": (INFO, "{actor} deleted the calendar {calendar}"),
    "maintenance.started": (WARNING, "{actor} put the system under maintenance: {note}"),
    "maintenance.ended": (WARNING, "{actor} ended the maintenance"),
    "queue.paused": (WARNING, "{actor} paused the queue {queue}: {note}"),
    "queue.resumed": (WARNING, "{actor} resumed the queue {queue}"),
    # --- webhooks ---
    "event_hook.created": (INFO, "{actor} created the event hook {hook} of job {job_id}"),
    "event_hook.changed": (INFO, "{actor} changed the event hook {hook} of job {job_id}"),
    "event_hook.rotated": (INFO, "{actor} gave the event hook {hook} of job {job_id} another secret"),
    "event_hook.deleted": (INFO, "{actor} deleted the event hook {hook} of job {job_id}"),
    "event_hook.accepted": (INFO, "Event hook {hook_id} started execution {execution_id}"),
    "event_hook.repeated": (INFO, "Event hook {hook_id} was called again for execution {execution_id}"),
    "event_hook.refused": (WARNING, "Event hook {hook_id} refused a call: {reason}"),
    "webhook.created": (INFO, "{actor} created the webhook {webhook}"),
    "webhook.changed": (INFO, "{actor} changed the webhook {webhook}"),
    "webhook.rotated": (INFO, "{actor} gave the webhook {webhook} another secret"),
    "webhook.deleted": (INFO, "{actor} deleted the webhook {webhook}"),
    "webhook.redelivered": (INFO, "{actor} sent a delivery of the webhook {webhook} again"),
    "webhook.delivered": (DEBUG, "Delivery {delivery_id} of webhook {webhook_id} was taken in {seconds:.3f} s"),
    "webhook.failed": (WARNING, "Delivery {delivery_id} of webhook {webhook_id}, try {tries}: {reason}"),
    "webhook.gave_up": (ERROR, "Delivery {delivery_id} of webhook {webhook_id} is dead: {reason}"),
    # --- notifications ---
    "notification_channel.created": (INFO, "{actor} created the channel {channel}"),
    "notification_channel.changed": (INFO, "{actor} changed the channel {channel}"),
    "notification_channel.rotated": (INFO, "{actor} gave the channel {channel} another secret to sign with"),
    "notification_channel.deleted": (INFO, "{actor} deleted the channel {channel}"),
    "notification.delivered": (DEBUG, "Delivery {delivery_id} by channel {channel_id} was taken in {seconds:.3f} s"),
    "notification.failed": (WARNING, "Delivery {delivery_id} by channel {channel_id}, try {tries}: {reason}"),
    "notification.gave_up": (ERROR, "Delivery {delivery_id} by channel {channel_id} is dead: {reason}"),
    "notification.channel_rests": (
        WARNING,
        "Channel {channel_id} failed {failures} times; it rests {seconds:g} s: {reason}",
    ),
    "notification.passed_over": (ERROR, "Nobody can be told of event {event_id} of tenant {tenant_id}: {reason}"),
    "notification.overdue": (WARNING, "Too late to send: {dropped} deliveries dropped, {dead} dead"),
    "notification_rule.created": (INFO, "{actor} created the notification rule {rule}"),
    "notification_rule.changed": (INFO, "{actor} changed the notification rule {rule}"),
    "notification_rule.deleted": (INFO, "{actor} deleted the notification rule {rule}"),
    "notification_rule.put_back": (INFO, "{actor} put the default notification rule back"),
    "notification_preference.changed": (INFO, "{actor} changed what {user} wants of notifications"),
    # --- django-celery-beat rows ---
    "beat.foreign_edit_undone": (WARNING, "Undid a change of others to the row of {job}: {fields}"),
    "beat.row_quarantined": (WARNING, "Row {row} cannot be run as {job}: {problem}"),
    "beat.unlisted_task_adopted": (WARNING, "Adopted {job}, whose task {task} is not on the list"),
    "beat.row_failed": (ERROR, "Row {row} of job {job_id} could not be brought in line: {error}"),
    "beat.entry_refused": (ERROR, "The entry {entry} of beat_schedule cannot be stored: {error}"),
    "beat.other_beat_seen": (ERROR, "Another beat runs the rows: {stopped} adopted jobs are only observed now"),
    "beat.other_beat_had_run": (WARNING, "Another beat ran {rows} rows while no scheduler led"),
    "beat.message_ran": (WARNING, "Stock beat asked for job {job_id}: execution {execution_id}"),
    "beat.message_refused": (WARNING, "Stock beat asked for job {job_id} in vain: {reason}"),
    # --- requests ---
    "request.admitted": (DEBUG, "A request of the class {kind} was admitted ({how})"),
    "request.limited": (DEBUG, "A request of the class {kind} was refused by its limit ({how})"),
    "database.lost": (ERROR, "PostgreSQL does not answer; until it does, nobody waits for it"),
    "database.found": (WARNING, "PostgreSQL answers again after {seconds:.1f} s"),
    "policy.denied": (INFO, "The policy does not allow {route} to {principal}: {reason}"),
    "policy.unanswered": (WARNING, "The policy server gave no decision about {route} of {principal}: {error}"),
    "policy.lost": (ERROR, "The policy server is not asked for {seconds:g} s: {error}"),
    "rate_limit.changed": (INFO, "{actor} changed the limits of {tenant}: {endpoints}"),
    "catalogue.changed": (INFO, "{actor} {done} the {kind} {entry}"),
    "flag.set": (WARNING, "{actor} switched {flag} {value} {note}"),
    # --- workers and the house ---
    "circuit.unrecorded": (WARNING, "The change of the circuit {circuit} is in no table: {error}"),
    "circuit.changed": (WARNING, "The circuit {circuit} was {before} and is {after}: {why}"),
    "worker.started": (INFO, "Worker {worker} serves {queues}"),
    "worker.draining": (INFO, "Worker {worker} takes nothing new and waits for {runs} runs"),
    "worker.deaf": (ERROR, "Worker {worker} gets no messages though some wait for it; it ends, to be started anew"),
    "queue.deaf": (ERROR, "Nobody answers on the queue {queue}, though {free} processes of its workers are free"),
    "queue.hears": (INFO, "Worker {worker} answers on the queue {queue} again"),
    "worker.stopped": (INFO, "Worker {worker} stopped"),
    "partition.made": (INFO, "Made {count} partitions ahead of time"),
    "partition.default_used": (ERROR, "Rows fell into a default partition: {ticks} ticks, {executions} executions"),
    "template.schema_changed": (WARNING, "The schema of {template} {version} changed under the jobs that use it"),
    "health.changed": (WARNING, "Health of {part}: {status}"),
    "loop.failed": (ERROR, "{loop} failed, next try in {seconds:g} s: {error}"),
}

UNWORDED = DEBUG


def describe(event: str, fields: dict[str, object]) -> tuple[int, str]:
    """Level and sentence. A field that is missing or of another kind than expected spoils neither."""
    level, wording = WORDING.get(event, (UNWORDED, event))
    try:
        return level, " ".join(wording.format_map(_Lenient(fields)).split())
    except (TypeError, ValueError):
        return level, f"{event} {fields}"


class _Lenient(dict[str, object]):
    def __missing__(self, key: str) -> _Unknown:
        return _Unknown()


class _Unknown:
    def __format__(self, specification: str) -> str:
        return "?"
