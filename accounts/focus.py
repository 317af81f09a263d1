"""The one tenant that a viewer of the console looks at for now, if any. It narrows rights, never widens them.

Set by the console for the time of one request; the API, commands and workers never do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_tenant_id: ContextVar[int | None] = ContextVar("focused_tenant", default=None)


def tenant_id() -> int | None:
    return _tenant_id.get()


def covers(tenant: int) -> bool:
    return _tenant_id.get() in (None, tenant)


@contextmanager
def on(tenant: int | None) -> Iterator[None]:
    """Nothing of other tenants is seen inside. None: as wide as the viewer's own rights."""
    token = _tenant_id.set(tenant)
    try:
        yield
    finally:
        _tenant_id.reset(token)
