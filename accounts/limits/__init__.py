"""How many requests a caller may make: the limits, and the buckets that are counted down in Redis."""
