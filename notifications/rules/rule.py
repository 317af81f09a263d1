"""All that a rule says, as the fan-out and the explanations read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from functools import cached_property

from notifications.rules.kinds import ABOUT, OF_THE_SYSTEM, Kind, Severity


@dataclass(frozen=True)
class QuietHours:
    """Between two wall-clock times of a zone, over midnight when the second is the earlier; none when equal."""

    starts: time
    ends: time
    zone: str = "UTC"


@dataclass(frozen=True)
class RuleFacts:
    """`rule_id` is None for what is built in. Kinds of the system are met only by rules that may ask for them."""

    tenant_id: int | None
    name: str
    kinds: frozenset[Kind]
    rule_id: int | None = None
    is_default: bool = False
    is_enabled: bool = True
    job_id: int | None = None
    tag: str = ""
    in_row: int = 1
    only_changes: bool = True
    severity: Severity | None = None
    to_owner: bool = False
    to_everyone: bool = False
    to_superusers: bool = False
    user_ids: tuple[int, ...] = ()
    channel_ids: tuple[int, ...] = ()
    group_minutes: int = 5
    daily_cap: int = 50
    zone: str = "UTC"
    """In which its days begin."""
    quiet: QuietHours | None = None
    quiet_passes: Severity = Severity.CRITICAL

    @cached_property
    def key(self) -> str:
        """The same for as long as the rule lives, also when the built-in one gets a row of its own."""
        if self.tenant_id is None:
            return "system"
        return "default" if self.is_default else str(self.rule_id)

    @property
    def is_of_the_system(self) -> bool:
        return self.tenant_id is None

    def severity_of(self, kind: Kind) -> Severity:
        return self.severity or ABOUT[kind].severity


DEFAULT_KINDS = frozenset({Kind.FAILED, Kind.RECOVERED, Kind.MISSED})
DEFAULT_NAME = "Owners hear of failures, recoveries and missed ticks"
SYSTEM_NAME = "Superusers hear of trouble with circuits, the scheduler and workers"


def default_of_tenant(tenant_id: int) -> RuleFacts:
    """What every tenant has until somebody changes it: the owner's inbox, once per change of the job's condition."""
    return RuleFacts(tenant_id=tenant_id, name=DEFAULT_NAME, kinds=DEFAULT_KINDS, is_default=True, to_owner=True)


DEFAULT = default_of_tenant(0)
OF_THE_SYSTEM_RULE = RuleFacts(
    tenant_id=None, name=SYSTEM_NAME, kinds=OF_THE_SYSTEM, only_changes=False, to_superusers=True
)
