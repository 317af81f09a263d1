"""A storm of failures: what people get of it, and whether the runs beside it are slowed."""
