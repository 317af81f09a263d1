"""The record of requests: every call of the API, reads too, for some days. No request writes it to PostgreSQL: it goes
through a queue of the process and a stream in Redis, and the leader's sweep stores it.

Whatever else a request must not write itself can take the same way: `outbox.put` takes any JSON object, and `storing`
sorts what arrives by its `kind`.
"""
