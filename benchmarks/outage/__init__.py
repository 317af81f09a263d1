"""After a long outage: the ledger is filled up in bounded steps, and what is due now is still on time."""
