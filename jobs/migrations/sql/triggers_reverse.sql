DROP TRIGGER dynamic_jobs_touch_updated_at ON dynamic_jobs;
DROP FUNCTION daybook_touch_updated_at();
DROP TRIGGER job_revisions_are_append_only ON job_revisions;
DROP FUNCTION daybook_refuse_change();
