-- What lists of runs are narrowed down by. Each run is updated two or three times, and each index costs an entry each
-- time; so these hold few rows (ends that went wrong, runs that somebody asked for) or next to nothing (the last).
CREATE INDEX executions_unsuccessful ON job_executions (tenant_id, status, id DESC)
    WHERE status IN ('failed', 'timed_out', 'cancelled', 'lost', 'dead');
CREATE INDEX executions_by_end ON job_executions (tenant_id, finished_at, id) WHERE finished_at IS NOT NULL;
CREATE INDEX executions_by_request ON job_executions (request_id) WHERE request_id <> '';
CREATE INDEX executions_by_fingerprint ON job_executions (fingerprint, id DESC) WHERE fingerprint <> '';
CREATE INDEX executions_by_creation ON job_executions USING brin (created_at)
    WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX attempts_by_worker ON task_executions (worker, execution_id DESC);
