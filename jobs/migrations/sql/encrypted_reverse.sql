CREATE TRIGGER job_revisions_are_append_only BEFORE UPDATE OR DELETE ON job_revisions
    FOR EACH ROW EXECUTE FUNCTION daybook_refuse_change();
DROP FUNCTION daybook_keep_revision();
DROP FUNCTION daybook_is_sealed_copy(jsonb, jsonb);
