"""Django's PostgreSQL backend for processes that answer requests: no request waits for a server that is away."""
