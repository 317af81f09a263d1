"""The live channel: what happens, pushed to those who may know. Nothing waits for it, and nothing depends on it."""
