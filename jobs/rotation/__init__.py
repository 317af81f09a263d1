"""Rotation: every secret that may still be used is encrypted by the newest key of its tenant, and none stays plain."""

from jobs.rotation.keepers import Keeper, keepers
from jobs.rotation.moving import Moved, decrypt_everything, encrypt_plain_text, move, verify
from jobs.rotation.rows import DRAFTS, TABLES, Table

__all__ = [
    "DRAFTS",
    "TABLES",
    "Keeper",
    "Moved",
    "Table",
    "decrypt_everything",
    "encrypt_plain_text",
    "keepers",
    "move",
    "verify",
]
