"""The scheduler's loop: keep the lead, decide what is due, publish what was decided."""
