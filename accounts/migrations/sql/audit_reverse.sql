DROP FUNCTION daybook_make_request_partitions(date, integer);
DROP FUNCTION daybook_make_audit_partitions(date, integer);
DROP TABLE api_requests, audit_digests, audit_seals, audit_entries;
DROP FUNCTION daybook_keep_as_written();
