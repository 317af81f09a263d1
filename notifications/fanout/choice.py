"""Which rules are asked about a happening, and in which order; and who could hear of it by them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from notifications.fanout import circle
from notifications.rules.audience import Circle
from notifications.rules.happening import Happening
from notifications.rules.kinds import OF_THE_SYSTEM
from notifications.rules.matching import in_order
from notifications.rules.rule import OF_THE_SYSTEM_RULE, RuleFacts


class Choice:
    """From the rules of the tenants in question. Those of single jobs are found by the job: there may be thousands."""

    def __init__(self, rules: Mapping[int, Sequence[RuleFacts]]) -> None:
        self._rules = rules
        self._of_jobs: dict[int, list[RuleFacts]] = defaultdict(list)
        self._wide: dict[int, list[RuleFacts]] = {}
        for tenant, found in rules.items():
            ordered = in_order(found)
            self._wide[tenant] = [rule for rule in ordered if rule.job_id is None]
            for rule in ordered:
                if rule.job_id is not None:
                    self._of_jobs[rule.job_id].append(rule)
        asking = (rule for found in self._wide.values() for rule in found if not OF_THE_SYSTEM.isdisjoint(rule.kinds))
        self._of_the_system = in_order([*asking, OF_THE_SYSTEM_RULE])

    def for_(self, happening: Happening) -> list[RuleFacts]:
        """The narrowest first."""
        narrow = self._of_jobs.get(happening.job.job_id, []) if happening.job else []
        if not happening.is_of_the_system:
            return [*narrow, *self._wide.get(happening.tenant_id or 0, [])]
        return [*narrow, *self._of_the_system]

    def circle(self, happenings: Iterable[Happening]) -> Circle:
        """Everybody whom these rules name, and the owners of these jobs."""
        happenings = list(happenings)
        rules = {id(rule): rule for happening in happenings for rule in self.for_(happening)}
        owners = {happening.job.owner_id for happening in happenings if happening.job and happening.job.owner_id}
        return circle.read(rules.values(), owners)
