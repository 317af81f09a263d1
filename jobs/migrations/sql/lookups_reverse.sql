DROP INDEX attempts_by_worker, executions_by_creation, executions_by_fingerprint, executions_by_request,
    executions_by_end, executions_unsuccessful;
