"""One run in a worker: claim, guard, run, settle."""
