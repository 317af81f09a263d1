"""The inbox: what people are told in the console, what they have read of it, and its changes for live clients."""
