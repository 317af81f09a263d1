-- Runs without a job, for their own list; and what waits for somebody's approval.
CREATE INDEX executions_without_job ON job_executions (tenant_id, id DESC) WHERE job_id IS NULL;
CREATE INDEX executions_held_for_approval ON job_executions (tenant_id, id)
    WHERE status = 'queued' AND held_for = 'approval';
