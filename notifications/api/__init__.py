"""The REST side of notifications."""
