-- The tables that grow for ever. Django sees ordinary models with a single `id`; the real keys are here.
-- No foreign keys from or between them: a slice of history is dropped whole, and each foreign key would lock and
-- rewrite its job's row once per insert. Jobs and tenants are archived, never deleted, so nothing can dangle.

CREATE SEQUENCE ticks_id_seq;
CREATE TABLE ticks (
    id bigint NOT NULL DEFAULT nextval('ticks_id_seq'),
    tenant_id bigint NOT NULL,
    job_id bigint NOT NULL,
    due_at timestamptz NOT NULL,
    outcome varchar(10) NOT NULL,
    reason varchar(60) NOT NULL DEFAULT '',
    blocking_id bigint,
    execution_id bigint,
    revision integer NOT NULL,
    epoch bigint NOT NULL,
    decided_at timestamptz NOT NULL,
    CONSTRAINT one_tick_per_job_and_instant PRIMARY KEY (job_id, due_at),
    CONSTRAINT tick_outcome_is_known
        CHECK (outcome IN ('fired', 'late', 'coalesced', 'skipped', 'missed', 'shadow')),
    CONSTRAINT tick_fires_with_an_execution
        CHECK ((outcome IN ('fired', 'late')) = (execution_id IS NOT NULL)),
    CONSTRAINT tick_gives_a_reason
        CHECK (reason <> '' OR outcome IN ('fired', 'late'))
) PARTITION BY RANGE (due_at);
ALTER SEQUENCE ticks_id_seq OWNED BY ticks.id;
CREATE INDEX ticks_by_id ON ticks (id);
CREATE INDEX ticks_by_tenant ON ticks (tenant_id, due_at DESC);
CREATE INDEX ticks_by_execution ON ticks (execution_id) WHERE execution_id IS NOT NULL;
CREATE TABLE ticks_default PARTITION OF ticks DEFAULT;

CREATE SEQUENCE job_executions_id_seq;
CREATE TABLE job_executions (
    id bigint NOT NULL DEFAULT nextval('job_executions_id_seq') PRIMARY KEY,
    tenant_id bigint NOT NULL,
    job_id bigint,
    template_id bigint NOT NULL,
    trigger varchar(10) NOT NULL,
    scheduled_for timestamptz,
    revision integer,
    parameters jsonb NOT NULL DEFAULT '{}',
    policy jsonb NOT NULL DEFAULT '{}',
    dry_run boolean NOT NULL DEFAULT false,
    run_key uuid NOT NULL DEFAULT gen_random_uuid(),
    requested_by varchar(200) NOT NULL DEFAULT '',
    request_id varchar(64) NOT NULL DEFAULT '',
    queue varchar(100) NOT NULL,
    priority smallint NOT NULL,
    max_instances integer,
    status varchar(10) NOT NULL DEFAULT 'queued',
    reason varchar(60) NOT NULL DEFAULT '',
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL,
    handed_back_count integer NOT NULL DEFAULT 0,
    lost_count integer NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    event_sequence integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    available_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    start_deadline_at timestamptz,
    published_at timestamptz,
    publish_count integer NOT NULL DEFAULT 0,
    started_at timestamptz,
    finished_at timestamptz,
    cancel_requested_at timestamptz,
    cancel_requested_by varchar(200) NOT NULL DEFAULT '',
    result jsonb,
    error text NOT NULL DEFAULT '',
    error_class varchar(200) NOT NULL DEFAULT '',
    CONSTRAINT execution_status_is_known CHECK (status IN
        ('queued', 'running', 'succeeded', 'failed', 'timed_out', 'cancelled', 'lost', 'dead')),
    CONSTRAINT execution_trigger_is_known CHECK (trigger IN
        ('schedule', 'manual', 'api', 'dependency', 'backfill', 'event', 'replay')),
    CONSTRAINT execution_priority_is_known CHECK (priority IN (0, 3, 6, 9)),
    CONSTRAINT execution_at_rest_has_an_end CHECK ((status IN ('queued', 'running')) = (finished_at IS NULL)),
    CONSTRAINT execution_that_did_not_succeed_says_why
        CHECK (reason <> '' OR status NOT IN ('failed', 'timed_out', 'cancelled', 'lost', 'dead'))
) PARTITION BY RANGE (id);
ALTER SEQUENCE job_executions_id_seq OWNED BY job_executions.id;
CREATE INDEX executions_to_publish ON job_executions (priority, id) WHERE status = 'queued';
CREATE INDEX executions_active_by_job ON job_executions (job_id, id) WHERE status IN ('queued', 'running');
CREATE INDEX executions_by_job ON job_executions (job_id, id DESC);
CREATE INDEX executions_by_tenant ON job_executions (tenant_id, id DESC);
CREATE TABLE job_executions_default PARTITION OF job_executions DEFAULT;

CREATE SEQUENCE task_executions_id_seq;
CREATE TABLE task_executions (
    id bigint NOT NULL DEFAULT nextval('task_executions_id_seq'),
    execution_id bigint NOT NULL,
    attempt integer NOT NULL,
    fence bigint NOT NULL,
    worker varchar(200) NOT NULL,
    pid integer NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    outcome varchar(12) NOT NULL DEFAULT '',
    error text NOT NULL DEFAULT '',
    error_class varchar(200) NOT NULL DEFAULT '',
    traceback text NOT NULL DEFAULT '',
    retry_at timestamptz,
    is_stale boolean NOT NULL DEFAULT false,
    stale_result jsonb,
    CONSTRAINT one_attempt_per_execution_and_number PRIMARY KEY (execution_id, attempt),
    CONSTRAINT attempt_outcome_is_known CHECK (outcome IN
        ('', 'succeeded', 'failed', 'timed_out', 'cancelled', 'lost', 'handed_back')),
    CONSTRAINT attempt_ends_with_an_outcome CHECK ((outcome = '') = (finished_at IS NULL))
) PARTITION BY RANGE (execution_id);
ALTER SEQUENCE task_executions_id_seq OWNED BY task_executions.id;
CREATE TABLE task_executions_default PARTITION OF task_executions DEFAULT;

CREATE SEQUENCE execution_log_lines_id_seq;
CREATE TABLE execution_log_lines (
    id bigint NOT NULL DEFAULT nextval('execution_log_lines_id_seq'),
    execution_id bigint NOT NULL,
    sequence integer NOT NULL,
    attempt integer NOT NULL,
    logged_at timestamptz NOT NULL,
    level varchar(8) NOT NULL,
    message text NOT NULL,
    CONSTRAINT one_log_line_per_execution_and_sequence PRIMARY KEY (execution_id, sequence)
) PARTITION BY RANGE (execution_id);
ALTER SEQUENCE execution_log_lines_id_seq OWNED BY execution_log_lines.id;
CREATE TABLE execution_log_lines_default PARTITION OF execution_log_lines DEFAULT;

CREATE SEQUENCE execution_events_id_seq;
CREATE TABLE execution_events (
    id bigint NOT NULL DEFAULT nextval('execution_events_id_seq'),
    execution_id bigint NOT NULL,
    sequence integer NOT NULL,
    xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    kind varchar(20) NOT NULL,
    at timestamptz NOT NULL DEFAULT statement_timestamp(),
    tenant_id bigint NOT NULL,
    job_id bigint,
    data jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT one_event_per_execution_and_sequence PRIMARY KEY (execution_id, sequence)
) PARTITION BY RANGE (execution_id);
ALTER SEQUENCE execution_events_id_seq OWNED BY execution_events.id;
CREATE INDEX events_in_order ON execution_events (xid, id);
CREATE TABLE execution_events_default PARTITION OF execution_events DEFAULT;

-- One partition of ticks a month. Returns how many were made.
CREATE FUNCTION daybook_make_tick_partitions(since date, months integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    first date := date_trunc('month', since);
    made integer := 0;
    month date;
    name text;
BEGIN
    FOR step IN 0..months LOOP
        month := first + make_interval(months => step);
        name := 'ticks_' || to_char(month, '"y"YYYY"m"MM');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF ticks FOR VALUES FROM (%L) TO (%L)', name,
                month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;

-- One partition per million executions, in each table that hangs on them, with the same bounds.
CREATE FUNCTION daybook_make_execution_partitions(since bigint, slices integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    size CONSTANT bigint := 1000000;
    made integer := 0;
    slice bigint;
    parent text;
    name text;
BEGIN
    FOR step IN 0..slices LOOP
        slice := since / size + step;
        FOREACH parent IN ARRAY ARRAY['job_executions', 'task_executions', 'execution_log_lines', 'execution_events'] LOOP
            name := parent || '_p' || lpad(slice::text, 6, '0');
            IF to_regclass(name) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)%s', name, parent,
                    slice * size, (slice + 1) * size,
                    -- Two updates per run are certain, so leave them room on the row's own page.
                    CASE parent WHEN 'job_executions' THEN ' WITH (fillfactor = 70)'
                                WHEN 'task_executions' THEN ' WITH (fillfactor = 80)' ELSE '' END);
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

SELECT daybook_make_tick_partitions((now() - interval '1 month')::date, 4);
SELECT daybook_make_execution_partitions(0, 1);
