"""What runs, when, and what became of it."""
