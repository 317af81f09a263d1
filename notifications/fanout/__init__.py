"""From what happened to what people are told: reads the events in order and writes inboxes and deliveries."""
