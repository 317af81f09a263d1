"""The templates that come with Daybook, one per file."""
