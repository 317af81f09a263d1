ALTER TABLE job_executions
    ADD COLUMN pool_id bigint,
    ADD COLUMN held_for varchar(10) NOT NULL DEFAULT '',
    ADD COLUMN cancel_seen_at timestamptz,
    ADD COLUMN approved_at timestamptz,
    ADD COLUMN approved_by varchar(200) NOT NULL DEFAULT '',
    ADD COLUMN parent_id bigint,
    ADD COLUMN flow_id bigint,
    ADD COLUMN fingerprint varchar(32) NOT NULL DEFAULT '',
    ADD CONSTRAINT execution_is_held_for_something_known CHECK (held_for IN ('', 'approval', 'upstream', 'slot'));

-- What waits, and what of it was announced: each in the order in which it goes. An index that a look at one tenant or
-- one job walks must hold nothing that this look would have to pass over.
ALTER INDEX executions_to_publish RENAME TO executions_queued;
CREATE INDEX executions_to_publish ON job_executions (queue, priority, tenant_id, available_at, id)
    WHERE status = 'queued' AND published_at IS NULL AND held_for = '';
CREATE INDEX executions_published ON job_executions (queue, priority, tenant_id, available_at, id)
    WHERE status = 'queued' AND published_at IS NOT NULL;
CREATE INDEX executions_held_for_slot ON job_executions (job_id, priority, available_at, id)
    WHERE status = 'queued' AND held_for = 'slot';
CREATE INDEX executions_by_pool ON job_executions (pool_id)
    WHERE pool_id IS NOT NULL AND status IN ('queued', 'running');
CREATE INDEX executions_by_flow ON job_executions (flow_id) WHERE flow_id IS NOT NULL;
CREATE INDEX executions_by_parent ON job_executions (parent_id) WHERE parent_id IS NOT NULL;
