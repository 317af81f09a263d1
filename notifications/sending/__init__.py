"""The queue of what goes out by channels: claimed, sent by threads, tried again, and kept as a log."""
