-- Revisions are history: nobody rewrites them, whatever way they come in.
CREATE FUNCTION daybook_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER job_revisions_are_append_only BEFORE UPDATE OR DELETE ON job_revisions
    FOR EACH ROW EXECUTE FUNCTION daybook_refuse_change();

-- updated_at tells when the definition changed, not when the job last ticked.
CREATE FUNCTION daybook_touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER dynamic_jobs_touch_updated_at BEFORE UPDATE ON dynamic_jobs
    FOR EACH ROW WHEN (OLD.revision IS DISTINCT FROM NEW.revision) EXECUTE FUNCTION daybook_touch_updated_at();

-- One narrow row each, updated every few seconds.
ALTER TABLE execution_leases SET (fillfactor = 50);
ALTER TABLE scheduler_leases SET (fillfactor = 50);
