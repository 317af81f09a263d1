DROP FUNCTION daybook_make_execution_partitions(bigint, integer);
DROP FUNCTION daybook_make_tick_partitions(date, integer);
DROP TABLE execution_events, execution_log_lines, task_executions, job_executions, ticks;
