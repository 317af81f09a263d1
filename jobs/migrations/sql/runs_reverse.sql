DROP INDEX executions_by_parent, executions_by_flow, executions_by_pool, executions_held_for_slot,
    executions_published, executions_to_publish;
ALTER INDEX executions_queued RENAME TO executions_to_publish;
ALTER TABLE job_executions
    DROP COLUMN pool_id, DROP COLUMN held_for, DROP COLUMN cancel_seen_at, DROP COLUMN approved_at,
    DROP COLUMN approved_by, DROP COLUMN parent_id, DROP COLUMN flow_id, DROP COLUMN fingerprint;
