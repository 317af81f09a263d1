-- What the scheduling went through. A week of it is dropped whole, so nothing references it and it references nothing.
CREATE SEQUENCE scheduler_events_id_seq;
CREATE TABLE scheduler_events (
    id bigint NOT NULL DEFAULT nextval('scheduler_events_id_seq'),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    type varchar(40) NOT NULL,
    level varchar(8) NOT NULL,
    count bigint NOT NULL DEFAULT 1,
    tenant_id bigint,
    job_id bigint,
    execution_id bigint,
    source varchar(200) NOT NULL DEFAULT '',
    message varchar(500) NOT NULL DEFAULT '',
    data jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (id, at),
    CONSTRAINT scheduler_event_level_is_known CHECK (level IN ('info', 'warning', 'error')),
    CONSTRAINT scheduler_event_counts_something CHECK (count > 0 AND type <> '')
) PARTITION BY RANGE (at);
ALTER SEQUENCE scheduler_events_id_seq OWNED BY scheduler_events.id;
CREATE INDEX scheduler_events_by_type ON scheduler_events (type, id);
CREATE INDEX scheduler_events_by_tenant ON scheduler_events (tenant_id, id) WHERE tenant_id IS NOT NULL;
CREATE INDEX scheduler_events_by_job ON scheduler_events (job_id, id) WHERE job_id IS NOT NULL;
CREATE INDEX scheduler_events_that_matter ON scheduler_events (id) WHERE level <> 'info';
CREATE TABLE scheduler_events_default PARTITION OF scheduler_events DEFAULT;
CREATE TRIGGER scheduler_events_are_append_only BEFORE UPDATE OR DELETE ON scheduler_events
    FOR EACH ROW EXECUTE FUNCTION daybook_refuse_change();

-- One partition a week, from Monday on. Returns how many were made.
CREATE FUNCTION daybook_make_scheduler_event_partitions(weeks integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    first date := date_trunc('week', now() AT TIME ZONE 'UTC');
    made integer := 0;
    week date;
    name text;
BEGIN
    FOR step IN 0..weeks LOOP
        week := first + 7 * step;
        name := 'scheduler_events_' || to_char(week, '"y"YYYY"m"MM"d"DD');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF scheduler_events FOR VALUES FROM (%L) TO (%L)', name,
                week::timestamp AT TIME ZONE 'UTC', (week + 7)::timestamp AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
SELECT daybook_make_scheduler_event_partitions(4);

-- One text for all the ways in which clients have written an id: 42, "42", 42.0; a UUID in any spelling; nothing.
-- jobs.rules.user_ids says the same.
CREATE FUNCTION daybook_user_id(written text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE
        WHEN v = '' OR lower(v) IN ('null', 'none') THEN NULL
        WHEN v ~ '^(0|-?[1-9][0-9]{0,18})(\.0+)?$' THEN split_part(v, '.', 1)
        WHEN v ~* '^(urn:uuid:)?\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?$' THEN
            regexp_replace(regexp_replace(lower(v), '^urn:uuid:|[{}-]', '', 'g'),
                           '^(.{8})(.{4})(.{4})(.{4})(.{12})$', '\1-\2-\3-\4-\5')
        ELSE v END
    FROM (SELECT btrim(written, E' \t\n\r') AS v) AS trimmed
$$;
ALTER TABLE job_executions ADD COLUMN user_id varchar(100);
CREATE INDEX executions_by_user ON job_executions (tenant_id, daybook_user_id(user_id), id) WHERE user_id IS NOT NULL;
