-- What the promise says, as queries: each returns no row when it holds.
--
-- A block begins with `-- name:`; the comment after it says what holds. `-- when: settled` marks what only holds once
-- everything has come to rest. The checker fills these temporary tables first:
--   judged_jobs (job_id)                                         whose schedules the oracle understands
--   expected_ticks (job_id, due_at)                              what was due by the oracle and the revisions
--   checked (since, until)                                       the window of due instants that is judged
--   journaled_jobs (job_id)                                      whose runs write the journal
--   journal (mark, run_key, execution_id, fence, pid, at)        what the runs wrote themselves
--   acknowledged (kind, id, number)                              what operators were told had been done

-- name: missing_guard
-- The constraints that hold the promise are in force.
SELECT guard FROM unnest(ARRAY[
    'one_tick_per_job_and_instant', 'tick_fires_with_an_execution', 'tick_gives_a_reason',
    'one_revision_per_job_and_number', 'one_leader_per_epoch', 'one_attempt_per_execution_and_number',
    'one_lease_per_job_slot', 'one_lease_per_pool_slot', 'execution_leases_pkey', 'execution_at_rest_has_an_end'
    ]) AS guard
WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = guard AND c.convalidated);

-- === ticks against the schedule =====================================================================================

-- name: unaccounted_tick
-- Every due occurrence has its row in the ledger.
SELECT e.job_id, e.due_at FROM expected_ticks e
WHERE NOT EXISTS (SELECT FROM ticks t WHERE t.job_id = e.job_id AND t.due_at = e.due_at)
ORDER BY 1, 2;

-- name: phantom_tick
-- The ledger has no tick at an instant at which nothing was due.
SELECT t.job_id, t.due_at, t.outcome, t.reason, t.revision, t.epoch
FROM ticks t JOIN judged_jobs USING (job_id) JOIN checked c ON t.due_at > c.since AND t.due_at <= c.until
WHERE NOT EXISTS (SELECT FROM expected_ticks e WHERE e.job_id = t.job_id AND e.due_at = t.due_at)
ORDER BY 1, 2;

-- name: double_tick
-- An occurrence has one tick.
SELECT job_id, due_at, count(*) AS ticks FROM ticks GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 1, 2;

-- name: tick_before_its_time
-- Nothing is decided before it is due.
SELECT job_id, due_at, decided_at FROM ticks WHERE decided_at < due_at;

-- name: tick_of_another_revision
-- A tick was decided under the definition in force when it was due.
SELECT t.job_id, t.due_at, t.revision, r.valid_from, n.valid_from AS valid_until
FROM ticks t
LEFT JOIN job_revisions r ON r.job_id = t.job_id AND r.number = t.revision
LEFT JOIN job_revisions n ON n.job_id = t.job_id AND n.number = t.revision + 1
WHERE r.id IS NULL OR t.due_at <= r.valid_from OR t.due_at > n.valid_from;

-- === outcomes and reasons ===========================================================================================

-- name: repaired_tick
-- No tick had to be put in afterwards, and no schedule failed to load.
SELECT job_id, due_at, reason FROM ticks WHERE reason IN ('unaccounted', 'schedule_error');

-- name: unknown_reason
-- A tick that did not fire gives a reason that can be judged.
SELECT job_id, due_at, outcome, reason FROM ticks
WHERE outcome NOT IN ('fired', 'late') AND (outcome, reason) NOT IN (
    ('shadow', 'observe'), ('skipped', 'paused'), ('skipped', 'overlap'), ('coalesced', 'misfire_last'),
    ('missed', 'misfire_none'), ('missed', 'misfire_window'), ('missed', 'misfire_cap'),
    ('missed', 'disabled_at_tick'), ('missed', 'archived_at_tick'), ('missed', 'unaccounted'),
    ('missed', 'schedule_error'));

-- name: false_pause
-- Ticks are skipped as paused while the job is paused, and only then; none fires meanwhile.
SELECT t.job_id, t.due_at, t.outcome, t.reason, t.revision
FROM ticks t JOIN job_revisions r ON r.job_id = t.job_id AND r.number = t.revision
WHERE (t.reason = 'paused') <> coalesce((r.definition ->> 'paused')::boolean, false)
  AND t.reason NOT IN ('disabled_at_tick', 'archived_at_tick', 'schedule_error', 'unaccounted', 'observe');

-- name: false_skip
-- A tick skipped for an earlier run names a run of its job that had not ended.
SELECT t.job_id, t.due_at, t.decided_at, t.blocking_id, b.created_at, b.finished_at
FROM ticks t LEFT JOIN job_executions b ON b.id = t.blocking_id
WHERE t.reason = 'overlap' AND (
    b.id IS NULL OR b.job_id <> t.job_id OR b.dry_run
    -- An end is stamped before it is committed, and a tick before it looks.
    OR b.created_at > t.decided_at + interval '6 s' OR b.finished_at < t.decided_at - interval '15 s');

-- name: fired_over_another
-- Under `skip` no tick fires while an earlier run has not ended.
SELECT t.job_id, t.due_at, t.decided_at, t.execution_id, e.id AS other, e.finished_at
FROM ticks t
JOIN job_revisions r ON r.job_id = t.job_id AND r.number = t.revision
JOIN job_executions e ON e.job_id = t.job_id AND e.id < t.execution_id AND NOT e.dry_run
WHERE t.outcome IN ('fired', 'late')
  AND r.definition -> 'policies' ->> 'overlap' = 'skip'
  AND coalesce((r.definition -> 'policies' ->> 'max_instances')::integer, 1) = 1
  AND e.created_at < t.decided_at
  AND coalesce(e.finished_at, 'infinity') > t.decided_at + interval '6 s';

-- name: false_lateness
-- A tick that fires is `late` beyond the job's tolerance, and `fired` within it.
SELECT t.job_id, t.due_at, t.decided_at, t.outcome
FROM ticks t JOIN job_revisions r ON r.job_id = t.job_id AND r.number = t.revision
WHERE t.outcome IN ('fired', 'late')
  AND (t.outcome = 'late') <> (
      t.decided_at - t.due_at > make_interval(secs => (r.definition -> 'policies' ->> 'late_after_seconds')::integer));

-- name: false_misfire
-- What is given up as late was late, and by the policy that is named.
SELECT t.job_id, t.due_at, t.decided_at, t.outcome, t.reason
FROM ticks t JOIN job_revisions r ON r.job_id = t.job_id AND r.number = t.revision
CROSS JOIN LATERAL (SELECT r.definition -> 'policies' AS policy) p
WHERE t.reason LIKE 'misfire%' AND NOT (
    t.decided_at - t.due_at > make_interval(secs => (policy ->> 'late_after_seconds')::integer)
    AND CASE t.reason
        WHEN 'misfire_none' THEN policy ->> 'misfire' = 'none'
        WHEN 'misfire_window' THEN
            t.decided_at - t.due_at > make_interval(secs => (policy ->> 'misfire_window_seconds')::integer)
        WHEN 'misfire_last' THEN policy ->> 'misfire' = 'last' AND EXISTS (
            SELECT FROM ticks n WHERE n.job_id = t.job_id AND n.due_at > t.due_at AND n.decided_at = t.decided_at)
        WHEN 'misfire_cap' THEN policy ->> 'misfire' = 'all' AND (policy ->> 'misfire_cap')::integer <= (
            SELECT count(*) FROM ticks n
            WHERE n.job_id = t.job_id AND n.due_at > t.due_at AND n.decided_at = t.decided_at)
        END);

-- name: unlawful_catch_up
-- Of what is late only as much fires as the policy lets: nothing, the newest, or as many as its cap.
SELECT t.job_id, t.decided_at, count(*) AS fired, policy ->> 'misfire' AS misfire
FROM ticks t JOIN job_revisions r ON r.job_id = t.job_id AND r.number = t.revision
CROSS JOIN LATERAL (SELECT r.definition -> 'policies' AS policy) p
WHERE t.outcome = 'late'
GROUP BY t.job_id, t.decided_at, policy
HAVING count(*) > CASE policy ->> 'misfire'
    WHEN 'none' THEN 0 WHEN 'last' THEN 1 ELSE (policy ->> 'misfire_cap')::integer END;

-- name: false_closing
-- A tick missed at a disable or archive was decided by just that change.
SELECT t.job_id, t.due_at, t.decided_at, t.reason, n.change, n.valid_from
FROM ticks t LEFT JOIN job_revisions n ON n.job_id = t.job_id AND n.number = t.revision + 1
WHERE t.reason IN ('disabled_at_tick', 'archived_at_tick')
  AND (n.change || '_at_tick', n.valid_from) IS DISTINCT FROM (t.reason, t.decided_at);

-- === ticks against executions and jobs ==============================================================================

-- name: tick_without_its_execution
-- A tick that fired has its execution, for the same job and instant.
SELECT t.job_id, t.due_at, t.execution_id, e.job_id AS of_job, e.scheduled_for
FROM ticks t LEFT JOIN job_executions e ON e.id = t.execution_id
WHERE t.outcome IN ('fired', 'late')
  AND (e.job_id, e.scheduled_for, e.trigger) IS DISTINCT FROM (t.job_id, t.due_at, 'schedule'::varchar);

-- name: execution_without_its_tick
-- A scheduled execution was fired by a tick.
SELECT e.id, e.job_id, e.scheduled_for FROM job_executions e
WHERE e.trigger = 'schedule'
  AND NOT EXISTS (SELECT FROM ticks t WHERE t.job_id = e.job_id AND t.due_at = e.scheduled_for AND t.execution_id = e.id);

-- name: double_execution
-- An occurrence has one scheduled execution.
SELECT job_id, scheduled_for, array_agg(id) AS executions FROM job_executions
WHERE trigger = 'schedule' GROUP BY 1, 2 HAVING count(*) > 1;

-- name: wrong_fired_count
-- A job counts exactly the ticks that fired.
SELECT j.id, j.fired_count, count(t.*) AS fired
FROM dynamic_jobs j LEFT JOIN ticks t ON t.job_id = j.id AND t.outcome IN ('fired', 'late')
GROUP BY j.id HAVING j.fired_count <> count(t.*);

-- name: wrong_cursor
-- The next tick lies after all that was decided; a schedule out of force has none, and one in force has one.
SELECT j.id, j.is_enabled, j.next_tick_at, (SELECT max(due_at) FROM ticks t WHERE t.job_id = j.id) AS decided
FROM dynamic_jobs j
WHERE j.next_tick_at <= (SELECT max(due_at) FROM ticks t WHERE t.job_id = j.id)
   OR (j.next_tick_at IS NOT NULL AND NOT j.is_enabled)
   OR (j.next_tick_at IS NULL AND j.is_enabled AND j.spec ->> 'kind' IN ('cron', 'interval')
       AND j.spec ->> 'end_at' IS NULL AND j.policy ->> 'max_runs' IS NULL);

-- name: broken_revisions
-- The revisions of a job are numbered without a gap, each valid after the one before, the newest the job's own.
SELECT * FROM (
    SELECT r.job_id, r.number, r.valid_from, j.revision AS newest,
           row_number() OVER (PARTITION BY r.job_id ORDER BY r.number) AS place,
           lag(r.valid_from) OVER (PARTITION BY r.job_id ORDER BY r.number) AS before,
           max(r.number) OVER (PARTITION BY r.job_id) AS last
    FROM job_revisions r JOIN dynamic_jobs j ON j.id = r.job_id
) AS numbered
WHERE number <> place OR valid_from < before OR last <> newest;

-- name: lost_change
-- What an operator was told had been done is there.
SELECT a.* FROM acknowledged a
WHERE (a.kind = 'revision'
       AND NOT EXISTS (SELECT FROM job_revisions r WHERE r.job_id = a.id AND r.number = a.number))
   OR (a.kind = 'execution' AND NOT EXISTS (SELECT FROM job_executions e WHERE e.id = a.id))
   OR (a.kind = 'archive' AND NOT EXISTS (SELECT FROM dynamic_jobs j WHERE j.id = a.id AND j.archived_at IS NOT NULL));

-- === the lead =======================================================================================================

-- name: tick_of_a_deposed_leader
-- No tick is decided outside the epoch that it names.
SELECT t.job_id, t.due_at, t.epoch, t.decided_at, h.acquired_at, n.acquired_at AS deposed_at
FROM ticks t
LEFT JOIN scheduler_lease_history h ON h.name = 'scheduler' AND h.epoch = t.epoch
LEFT JOIN scheduler_lease_history n ON n.name = 'scheduler' AND n.epoch = t.epoch + 1
WHERE t.epoch > 0 AND (h.id IS NULL OR t.decided_at < h.acquired_at OR t.decided_at > n.acquired_at);

-- name: tick_written_after_the_lead
-- No tick of an epoch is written once a later epoch has written: ids are drawn as rows are inserted.
SELECT o.epoch, o.last_id, n.epoch AS later_epoch, n.first_id
FROM (SELECT epoch, max(id) AS last_id FROM ticks WHERE epoch > 0 GROUP BY 1) o
JOIN (SELECT epoch, min(id) AS first_id FROM ticks WHERE epoch > 0 GROUP BY 1) n ON n.epoch > o.epoch
WHERE o.last_id > n.first_id;

-- name: two_leaders
-- Epochs follow each other without a gap and without an overlap.
SELECT * FROM (
    SELECT epoch, holder, acquired_at, released_at,
           lead(epoch) OVER (ORDER BY epoch) AS next_epoch, lead(acquired_at) OVER (ORDER BY epoch) AS next_acquired_at
    FROM scheduler_lease_history WHERE name = 'scheduler'
) AS epochs
WHERE next_epoch <> epoch + 1
   -- A give-up is stamped after the wait for the row, a take-over before it.
   OR (next_epoch IS NOT NULL AND coalesce(released_at, 'infinity') > next_acquired_at + interval '1 s');

-- === executions =====================================================================================================

-- name: stuck_execution
-- when: settled
-- Everything that was queued has come to rest.
SELECT id, job_id, status, reason, attempt, available_at, published_at FROM job_executions
WHERE status IN ('queued', 'running');

-- name: queued_though_cancelled
-- What is queued may be claimed: nobody has asked for its end.
SELECT id, job_id, reason, cancel_requested_at, available_at FROM job_executions
WHERE status = 'queued' AND cancel_requested_at IS NOT NULL;

-- name: stray_lease
-- An execution is running exactly when it has a lease, with the same fence.
SELECT coalesce(e.id, l.execution_id) AS execution, e.status, e.fence, l.fence AS lease_fence
FROM (SELECT * FROM job_executions WHERE status = 'running') e
FULL JOIN execution_leases l ON l.execution_id = e.id AND l.fence = e.fence
WHERE e.id IS NULL OR l.execution_id IS NULL;

-- name: two_owners
-- The attempts of an execution do not overlap.
SELECT a.execution_id, a.attempt, b.attempt AS other, a.finished_at, b.started_at
FROM task_executions a JOIN task_executions b ON b.execution_id = a.execution_id AND b.attempt > a.attempt
WHERE coalesce(a.finished_at, 'infinity') > b.started_at;

-- name: slot_taken_twice
-- Of a job that runs one at a time, no two attempts overlap.
SELECT e.job_id, e.id, f.id AS other, a.started_at, a.finished_at, b.started_at AS other_started_at
FROM job_executions e
JOIN job_executions f ON f.job_id = e.job_id AND f.id <> e.id AND f.max_instances = 1
JOIN task_executions a ON a.execution_id = e.id
JOIN task_executions b ON b.execution_id = f.id
WHERE e.max_instances = 1 AND a.started_at <= b.started_at AND (a.started_at, e.id) < (b.started_at, f.id)
  AND coalesce(a.finished_at, 'infinity') > b.started_at;

-- name: too_many_instances
-- Of a job that runs so many at a time, no more do.
SELECT e.job_id, e.max_instances, a.execution_id, a.started_at, count(*) AS at_once
FROM job_executions e
JOIN task_executions a ON a.execution_id = e.id
JOIN job_executions f ON f.job_id = e.job_id AND f.max_instances IS NOT NULL
JOIN task_executions b ON b.execution_id = f.id
    AND b.started_at <= a.started_at AND coalesce(b.finished_at, 'infinity') > a.started_at
WHERE e.max_instances > 1
GROUP BY 1, 2, 3, 4 HAVING count(*) > e.max_instances;

-- name: pool_overrun
-- Of all the jobs in a pool, no more attempts are there at once than it has slots.
SELECT p.slug, p.size, a.execution_id, a.started_at, count(*) AS at_once
FROM pools p
JOIN job_executions e ON e.pool_id = p.id
JOIN task_executions a ON a.execution_id = e.id
JOIN job_executions f ON f.pool_id = p.id
JOIN task_executions b ON b.execution_id = f.id
    AND b.started_at <= a.started_at AND coalesce(b.finished_at, 'infinity') > a.started_at
GROUP BY p.id, 1, 2, 3, 4 HAVING count(*) > p.size;

-- name: wrong_attempts
-- An execution counts its attempts, and has no more than it may.
SELECT e.id, e.attempt, e.handed_back_count, e.max_attempts, count(a.*) AS attempts
FROM job_executions e LEFT JOIN task_executions a ON a.execution_id = e.id
GROUP BY e.id
HAVING count(a.*) <> e.attempt OR coalesce(max(a.attempt), 0) <> e.attempt OR coalesce(max(a.fence), 0) <> e.fence
    OR e.attempt - e.handed_back_count > e.max_attempts
    OR count(*) FILTER (WHERE a.outcome = 'lost') <> e.lost_count
    OR count(*) FILTER (WHERE a.outcome = 'handed_back') <> e.handed_back_count;

-- name: fence_not_growing
-- Each attempt has a greater fence than the one before.
SELECT a.execution_id, a.attempt, a.fence, b.fence AS next_fence
FROM task_executions a JOIN task_executions b ON b.execution_id = a.execution_id AND b.attempt = a.attempt + 1
WHERE a.fence >= b.fence;

-- name: open_attempt
-- An attempt without an end is the one that holds the lease.
SELECT a.execution_id, a.attempt, a.fence FROM task_executions a
WHERE a.finished_at IS NULL
  AND NOT EXISTS (SELECT FROM execution_leases l WHERE l.execution_id = a.execution_id AND l.fence = a.fence);

-- name: wrong_success
-- An execution has succeeded exactly when one attempt, its last, has.
SELECT e.id, e.status, count(a.*) AS successes
FROM job_executions e LEFT JOIN task_executions a ON a.execution_id = e.id AND a.outcome = 'succeeded'
GROUP BY e.id
HAVING count(a.*) <> (e.status = 'succeeded')::integer OR max(a.attempt) <> e.attempt;

-- name: given_up
-- An execution is given up for the reason that it names.
SELECT e.id, e.status, e.reason, e.attempt, e.max_attempts, e.lost_count, e.policy ->> 'on_lost' AS on_lost
FROM job_executions e
WHERE e.status IN ('failed', 'timed_out', 'lost', 'dead') AND NOT coalesce(CASE e.reason
    WHEN 'retries_used_up' THEN e.attempt - e.handed_back_count >= e.max_attempts
    WHEN 'lost_too_often' THEN e.status = 'dead' AND e.lost_count >= 3
    WHEN 'on_lost_fail' THEN e.status = 'lost' AND e.policy ->> 'on_lost' = 'fail'
    WHEN 'not_retryable' THEN EXISTS (
        SELECT FROM task_executions a
        WHERE a.execution_id = e.id AND a.attempt = e.attempt AND a.outcome IN ('failed', 'timed_out'))
    END, false);

-- name: false_cancel
-- An execution is cancelled for the reason that it names.
SELECT e.id, e.reason, e.cancel_requested_at, e.start_deadline_at, e.finished_at
FROM job_executions e LEFT JOIN dynamic_jobs j ON j.id = e.job_id
WHERE e.status = 'cancelled' AND NOT coalesce(e.cancel_requested_at IS NOT NULL AND CASE e.reason
    WHEN 'replaced' THEN EXISTS (SELECT FROM job_executions n WHERE n.job_id = e.job_id AND n.id > e.id)
    WHEN 'start_deadline' THEN e.start_deadline_at <= e.finished_at
    WHEN 'archived' THEN j.archived_at IS NOT NULL
    WHEN 'cancelled' THEN true END, false);

-- name: broken_events
-- Each change of an execution is an event, numbered without a gap; the first is `queued`, the last how it ended.
SELECT e.id, e.status, e.event_sequence, count(v.*) AS events, max(v.sequence) AS last
FROM job_executions e LEFT JOIN execution_events v ON v.execution_id = e.id
GROUP BY e.id
HAVING e.event_sequence < 1 OR count(v.*) <> e.event_sequence OR coalesce(max(v.sequence), 0) <> e.event_sequence
    OR bool_or(v.sequence = 1 AND v.kind <> 'queued')
    OR (e.finished_at IS NOT NULL AND bool_or(v.sequence = e.event_sequence AND v.kind <> e.status));

-- name: other_tenant
-- What belongs to a job belongs to its tenant.
SELECT 'execution' AS what, e.id, e.tenant_id, j.tenant_id AS of_job
FROM job_executions e JOIN dynamic_jobs j ON j.id = e.job_id WHERE e.tenant_id <> j.tenant_id
UNION ALL
SELECT 'tick', t.id, t.tenant_id, j.tenant_id
FROM ticks t JOIN dynamic_jobs j ON j.id = t.job_id WHERE t.tenant_id <> j.tenant_id;

-- === the journal that the runs wrote themselves =====================================================================

-- name: work_without_a_claim
-- Who works has an attempt.
SELECT DISTINCT w.execution_id, w.fence, w.pid FROM journal w
WHERE NOT EXISTS (SELECT FROM task_executions a WHERE a.execution_id = w.execution_id AND a.fence = w.fence);

-- name: success_without_work
-- Whose success was recorded did its work, from start to end.
SELECT e.id, a.fence FROM job_executions e
JOIN journaled_jobs USING (job_id)
JOIN task_executions a ON a.execution_id = e.id AND a.outcome = 'succeeded'
WHERE (SELECT count(DISTINCT w.mark) FROM journal w
       WHERE w.execution_id = e.id AND w.fence = a.fence AND w.mark IN ('S', 'E')) < 2;

-- name: two_at_work
-- No two processes work on the same execution at once.
WITH spans AS (
    SELECT execution_id, fence, pid, min(at) AS since, max(at) AS until FROM journal GROUP BY 1, 2, 3
)
SELECT a.execution_id, a.fence, a.pid, a.since, a.until, b.fence AS other_fence, b.pid AS other_pid, b.since AS other_since
FROM spans a JOIN spans b ON b.execution_id = a.execution_id AND (b.since, b.fence, b.pid) > (a.since, a.fence, a.pid)
WHERE a.until > b.since;

-- name: job_at_work_twice
-- Of a job that runs one at a time, no two processes work at once.
WITH spans AS (
    SELECT e.job_id, w.execution_id, w.fence, min(w.at) AS since, max(w.at) AS until
    FROM journal w JOIN job_executions e ON e.id = w.execution_id WHERE e.max_instances = 1 GROUP BY 1, 2, 3
)
SELECT a.job_id, a.execution_id, a.fence, a.until, b.execution_id AS other, b.fence AS other_fence, b.since AS other_since
FROM spans a JOIN spans b ON b.job_id = a.job_id AND b.execution_id <> a.execution_id
    AND (b.since, b.execution_id) > (a.since, a.execution_id)
WHERE a.until > b.since;

-- name: work_after_the_loss
-- Who was given up as lost does nothing any more.
SELECT a.execution_id, a.fence, a.finished_at, max(w.at) AS still_at_work
FROM task_executions a JOIN journal w ON w.execution_id = a.execution_id AND w.fence = a.fence
WHERE a.outcome IN ('lost', 'handed_back')
GROUP BY 1, 2, 3 HAVING max(w.at) > a.finished_at;

-- name: work_after_success
-- Whose success was recorded had ended by then; two processes read the clock alike to a millisecond.
SELECT a.execution_id, a.fence, a.finished_at, max(w.at) AS still_at_work
FROM task_executions a JOIN journal w ON w.execution_id = a.execution_id AND w.fence = a.fence
WHERE a.outcome = 'succeeded'
GROUP BY 1, 2, 3 HAVING max(w.at) > a.finished_at + interval '1 ms';

-- name: pool_at_work_beyond_its_size
-- Of all the jobs in a pool, no more processes work at once than it has slots.
WITH spans AS (
    SELECT e.pool_id, w.execution_id, w.fence, w.pid, min(w.at) AS since, max(w.at) AS until
    FROM journal w JOIN job_executions e ON e.id = w.execution_id WHERE e.pool_id IS NOT NULL GROUP BY 1, 2, 3, 4
)
SELECT p.slug, p.size, a.execution_id, a.since, count(*) AS at_once
FROM spans a JOIN pools p ON p.id = a.pool_id
JOIN spans b ON b.pool_id = a.pool_id AND b.since <= a.since AND b.until >= a.since
GROUP BY p.id, 1, 2, 3, 4 HAVING count(*) > p.size;
