"""What decides about notifications, in plain Python: kinds and severities, what is met, how messages are grouped."""
