"""What the lists of jobs and of executions share: filters, saved views, live rows, and changes of many rows."""
