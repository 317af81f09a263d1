DROP INDEX executions_by_user;
ALTER TABLE job_executions DROP COLUMN user_id;
DROP FUNCTION daybook_user_id(text);
DROP TABLE scheduler_events;
DROP FUNCTION daybook_make_scheduler_event_partitions(integer);
