from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from notifications.rules.audience import Circle, Heard, Person, Target, Way, hear
from notifications.rules.happening import Happening, JobFacts
from notifications.rules.kinds import Kind
from notifications.rules.matching import in_order
from notifications.rules.rule import OF_THE_SYSTEM_RULE, RuleFacts, default_of_tenant

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANA, OLAF, GONE, OUTSIDER, ROOT = 1, 2, 3, 4, 5
MAIL, CHAT, BOTH = 10, 11, 15
CIRCLE = Circle(
    people={
        ANA: Person(ANA, "ana", "ana@example.org", tenant_ids=frozenset({1})),
        OLAF: Person(OLAF, "olaf", "", tenant_ids=frozenset({1}), muted_jobs=frozenset({8})),
        OUTSIDER: Person(OUTSIDER, "gita", "gita@example.org", tenant_ids=frozenset({2})),
        ROOT: Person(ROOT, "root", "root@example.org", is_superuser=True),
    },
    ways={
        MAIL: Way(MAIL, 1, "Mail", "email", has_receiver=False, to_people=True),
        CHAT: Way(CHAT, 1, "Chat", "slack"),
        BOTH: Way(BOTH, 1, "Both", "email", to_people=True),
        12: Way(12, 2, "Of others", "slack"),
        13: Way(13, 1, "Off", "slack", is_enabled=False),
    },
    superuser_ids=(ROOT,),
)


def failure(job_id: int = 7, owner: int | None = ANA) -> Happening:
    job = JobFacts(job_id, "Invoices", owner_id=owner)
    return Happening((Kind.FAILED, Kind.DEAD_LETTER), 1, NOW, job=job, name=job.name, failures_in_row=1)


def rule(**facts: object) -> RuleFacts:
    return replace(RuleFacts(tenant_id=1, name="Mine", kinds=frozenset(Kind), rule_id=5), **facts)  # type: ignore[arg-type]


def targets(heard: Heard) -> list[Target]:
    return [telling.target for telling in heard.tellings]


def obstacles(heard: Heard) -> dict[str, str]:
    return {withheld.target.key: withheld.why for withheld in heard.withheld}


class TestHear:
    def test_tells_the_owner_by_the_default_rule(self) -> None:
        heard = hear(failure(), [default_of_tenant(1)], CIRCLE)
        assert targets(heard) == [Target(1, ANA)]
        assert heard.withheld == []

    def test_tells_nobody_by_the_default_rule_of_a_job_without_owner(self) -> None:
        assert hear(failure(owner=None), [default_of_tenant(1)], CIRCLE) == Heard()

    def test_names_each_person_by_a_channel_to_people_and_a_channel_to_an_address_once(self) -> None:
        mine = rule(to_owner=True, user_ids=(ANA, OLAF), channel_ids=(MAIL, CHAT))
        heard = hear(failure(), [mine], CIRCLE)
        assert targets(heard) == [Target(1, ANA), Target(1, OLAF), Target(1, ANA, MAIL), Target(1, channel_id=CHAT)]
        assert obstacles(heard) == {"channel:10:user:2": "The user has no e-mail address."}

    def test_tells_the_receiver_of_a_channel_beside_the_people(self) -> None:
        heard = hear(failure(), [rule(to_owner=True, channel_ids=(BOTH,))], CIRCLE)
        assert targets(heard) == [Target(1, ANA), Target(1, channel_id=BOTH), Target(1, ANA, BOTH)]

    def test_leaves_out_who_is_gone_or_no_member_and_mutes_and_says_so(self) -> None:
        mine = rule(user_ids=(OLAF, GONE, OUTSIDER, ROOT), channel_ids=(12, 13, 14))
        heard = hear(failure(job_id=8), [mine], CIRCLE)
        assert targets(heard) == [Target(1, ROOT)]
        assert obstacles(heard) == {
            "user:2": "The user has muted the job.",
            "user:3": "The user is deactivated.",
            "user:4": "The user is no member of the tenant.",
            "channel:13": "The channel is disabled.",
        }

    def test_tells_each_target_once_by_the_narrowest_rule(self) -> None:
        narrow = rule(rule_id=9, name="Narrow", job_id=7, to_owner=True, channel_ids=(CHAT,))
        wide = rule(to_owner=True, user_ids=(ROOT,), channel_ids=(CHAT,))
        heard = hear(failure(), in_order([default_of_tenant(1), wide, narrow]), CIRCLE)
        assert [(telling.rule.name, telling.target.key) for telling in heard.tellings] == [
            ("Narrow", "user:1"),
            ("Narrow", "channel:11"),
            ("Mine", "user:5"),
        ]
        assert len(heard.withheld) == 3
        assert {withheld.why for withheld in heard.withheld} == {"The rule “Narrow” tells it."}

    def test_tells_members_once_where_all_of_the_tenant_are_told(self) -> None:
        heard = hear(failure(), [rule(to_owner=True, to_everyone=True, user_ids=(ROOT,))], CIRCLE)
        assert targets(heard) == [Target(1, ROOT), Target(1)]  # root is no member
        assert obstacles(heard) == {"user:1": "The rule “Mine” tells it."}

    def test_tells_superusers_of_trouble_of_the_system(self) -> None:
        trouble = Happening((Kind.CIRCUIT,), None, NOW, name="mail")
        assert targets(hear(trouble, [default_of_tenant(1), OF_THE_SYSTEM_RULE], CIRCLE)) == [Target(None, ROOT)]
