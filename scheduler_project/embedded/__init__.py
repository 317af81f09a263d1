"""The one-command start: real PostgreSQL and Valkey out of installed wheels, and a supervisor for our processes."""
