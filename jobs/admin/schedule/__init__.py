"""What is due, over all jobs."""
