-- What of a job and of a pool is announced, and what of them was put aside: found without passing over all that waits.
CREATE INDEX executions_announced_by_job ON job_executions (job_id, queue, priority)
    WHERE status = 'queued' AND published_at IS NOT NULL AND max_instances IS NOT NULL;
CREATE INDEX executions_announced_by_pool ON job_executions (pool_id, queue, priority)
    WHERE status = 'queued' AND published_at IS NOT NULL AND pool_id IS NOT NULL;
DROP INDEX executions_held_for_slot;
CREATE INDEX executions_held_for_slot
    ON job_executions (job_id, queue, coalesce(pool_id, 0), priority, available_at, id)
    WHERE status = 'queued' AND held_for = 'slot';
