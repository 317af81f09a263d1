DROP INDEX executions_held_for_slot, executions_announced_by_pool, executions_announced_by_job;
CREATE INDEX executions_held_for_slot ON job_executions (job_id, priority, available_at, id)
    WHERE status = 'queued' AND held_for = 'slot';
