"""Measured comparisons: each folder is one benchmark with its own servers, a table as it goes, and JSON at the end."""
