-- The audit trail, its seals, and the record of requests. Django sees ordinary models; the real keys are here.
-- No foreign keys: an entry outlives whatever it tells of.

CREATE FUNCTION daybook_keep_as_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation',
        HINT = 'Entries leave the trail by whole months, through DAYBOOK_AUDIT_MONTHS.';
END $$;

CREATE SEQUENCE audit_entries_id_seq;
CREATE TABLE audit_entries (
    id bigint NOT NULL DEFAULT nextval('audit_entries_id_seq'),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    tenant_id bigint,
    actor varchar(200) NOT NULL,
    action varchar(60) NOT NULL,
    target varchar(60) NOT NULL,
    target_id varchar(200) NOT NULL DEFAULT '',
    target_name varchar(200) NOT NULL DEFAULT '',
    changes jsonb NOT NULL DEFAULT '{}',
    note text NOT NULL DEFAULT '',
    outcome varchar(10) NOT NULL DEFAULT 'done',
    via varchar(10) NOT NULL DEFAULT 'system',
    address inet,
    request_id varchar(64) NOT NULL DEFAULT '',
    method varchar(10) NOT NULL DEFAULT '',
    path varchar(500) NOT NULL DEFAULT '',
    CONSTRAINT audit_entry_is_one PRIMARY KEY (id, at),
    CONSTRAINT audit_outcome_is_known CHECK (outcome IN ('done', 'refused', 'failed'))
) PARTITION BY RANGE (at);
ALTER SEQUENCE audit_entries_id_seq OWNED BY audit_entries.id;
CREATE INDEX audit_in_order ON audit_entries (xid, id);
CREATE INDEX audit_by_tenant ON audit_entries (tenant_id, id DESC);
CREATE INDEX audit_by_target ON audit_entries (target, target_id, id DESC);
CREATE INDEX audit_by_actor ON audit_entries (actor, id DESC);
CREATE TRIGGER audit_entries_stay_as_written BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION daybook_keep_as_written();
CREATE TRIGGER audit_entries_stay BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION daybook_keep_as_written();
CREATE TABLE audit_entries_default PARTITION OF audit_entries DEFAULT;
CREATE TRIGGER audit_entries_stay BEFORE TRUNCATE ON audit_entries_default
    FOR EACH STATEMENT EXECUTE FUNCTION daybook_keep_as_written();

-- The chain: each link holds the hash of the one before it.
CREATE TABLE audit_seals (
    sequence bigint NOT NULL PRIMARY KEY,
    kind varchar(10) NOT NULL,
    month date NOT NULL,
    count integer NOT NULL,
    first_id bigint NOT NULL,
    last_id bigint NOT NULL,
    last_xid bigint NOT NULL,
    highest_id bigint NOT NULL,
    floor_id bigint NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT audit_seal_kind_is_known CHECK (kind IN ('entries', 'restored', 'dropped'))
);
CREATE TRIGGER audit_seals_stay_as_written BEFORE UPDATE OR DELETE ON audit_seals
    FOR EACH ROW EXECUTE FUNCTION daybook_keep_as_written();
CREATE TRIGGER audit_seals_stay BEFORE TRUNCATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION daybook_keep_as_written();

-- Which entries a seal covers, in order, with the digest of each: what names the entry that was tampered with.
CREATE TABLE audit_digests (
    sequence bigint NOT NULL,
    month date NOT NULL,
    ids bigint[] NOT NULL,
    digests bytea NOT NULL,
    CONSTRAINT audit_digests_are_one PRIMARY KEY (sequence, month)
) PARTITION BY RANGE (month);
CREATE TRIGGER audit_digests_stay_as_written BEFORE UPDATE OR DELETE ON audit_digests
    FOR EACH ROW EXECUTE FUNCTION daybook_keep_as_written();
CREATE TRIGGER audit_digests_stay BEFORE TRUNCATE ON audit_digests
    FOR EACH STATEMENT EXECUTE FUNCTION daybook_keep_as_written();
CREATE TABLE audit_digests_default PARTITION OF audit_digests DEFAULT;
CREATE TRIGGER audit_digests_stay BEFORE TRUNCATE ON audit_digests_default
    FOR EACH STATEMENT EXECUTE FUNCTION daybook_keep_as_written();

-- One partition a month of the entries and of their digests. Returns how many were made.
CREATE FUNCTION daybook_make_audit_partitions(since date, months integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    made integer := 0;
    month date;
    parent text;
    name text;
    midnight CONSTANT text := ' 00:00:00+00';  -- a date reads its part of the text
BEGIN
    FOR step IN 0..months LOOP
        month := date_trunc('month', since) + make_interval(months => step);
        FOREACH parent IN ARRAY ARRAY['audit_entries', 'audit_digests'] LOOP
            name := parent || to_char(month, '"_y"YYYY"m"MM');
            IF to_regclass(name) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', name, parent,
                    month || midnight, (month + interval '1 month')::date || midnight);
                -- Statement triggers are not handed down to partitions.
                EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT '
                    'EXECUTE FUNCTION daybook_keep_as_written()', parent || '_stay', name);
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
SELECT daybook_make_audit_partitions((now() - interval '1 month')::date, 4);

-- Every call of the API, for some days. A call may arrive twice; its number says so.
CREATE SEQUENCE api_requests_id_seq;
CREATE TABLE api_requests (
    id bigint NOT NULL DEFAULT nextval('api_requests_id_seq'),
    number uuid NOT NULL,
    at timestamptz NOT NULL,
    method varchar(10) NOT NULL,
    route varchar(100) NOT NULL DEFAULT '',
    path varchar(500) NOT NULL,
    status smallint NOT NULL,
    milliseconds real NOT NULL,
    bytes bigint,
    tenant_id bigint,
    principal varchar(200) NOT NULL DEFAULT '',
    address inet,
    request_id varchar(64) NOT NULL DEFAULT '',
    CONSTRAINT api_request_is_one PRIMARY KEY (number, at)
) PARTITION BY RANGE (at);
ALTER SEQUENCE api_requests_id_seq OWNED BY api_requests.id;
CREATE INDEX api_requests_by_id ON api_requests (id);
CREATE INDEX api_requests_by_tenant ON api_requests (tenant_id, id DESC);
CREATE TABLE api_requests_default PARTITION OF api_requests DEFAULT;

CREATE FUNCTION daybook_make_request_partitions(since date, days integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    made integer := 0;
    day date;
    name text;
    midnight CONSTANT text := ' 00:00:00+00';
BEGIN
    FOR step IN 0..days LOOP
        day := since + step;
        name := 'api_requests' || to_char(day, '"_y"YYYY"m"MM"d"DD');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF api_requests FOR VALUES FROM (%L) TO (%L)', name,
                day || midnight, (day + 1) || midnight);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
SELECT daybook_make_request_partitions((now() - interval '1 day')::date, 4);
