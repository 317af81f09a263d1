"""Recomputes from the revisions what was due and holds it against the ledger. Reads only; repairs nothing."""
