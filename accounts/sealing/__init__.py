"""Secrets at rest: each is sealed by a data key of its tenant, and each data key by a key that the database never sees.

sealed = sealing.Sealer(tenant.pk).seal("the secret", place="nightly parameters.password")
sealing.open_sealed(sealed, tenant_id=tenant.pk, place="nightly parameters.password")
"""

from accounts.sealing.errors import CannotOpen, KeysUnavailable
from accounts.sealing.references import Reference
from accounts.sealing.secrets import Sealer, is_sealed, key_id_of, open_sealed

__all__ = ["CannotOpen", "KeysUnavailable", "Reference", "Sealer", "is_sealed", "key_id_of", "open_sealed"]
