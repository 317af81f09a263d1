"""The way to a new job in five steps, kept as a draft on the server until the job is created."""
