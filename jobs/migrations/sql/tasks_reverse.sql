DROP INDEX executions_held_for_approval;
DROP INDEX executions_without_job;
