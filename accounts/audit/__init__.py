"""The audit trail: who changed what, when and from where. Rows are only ever added."""

from __future__ import annotations

from accounts.audit.recording import Outcome, record

__all__ = ["Outcome", "record"]
