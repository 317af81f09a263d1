from __future__ import annotations

from datetime import time

from notifications.models import Channel, Rule
from notifications.rulebook import book
from notifications.rules.kinds import Kind, Severity
from notifications.rules.rule import DEFAULT_KINDS, QuietHours
from tests.cast import Cast


class TestFactsOf:
    def test_leaves_out_kinds_of_a_newer_version(self, cast: Cast) -> None:
        Rule.objects.create(tenant=cast.acme, name="New", kinds=["failed", "paused"])
        assert book.rules_of([cast.acme.pk])[cast.acme.pk][1].kinds == {Kind.FAILED}


class TestRulesOf:
    def test_has_the_built_in_default_for_whoever_has_changed_nothing(self, cast: Cast) -> None:
        rules = book.rules_of([cast.acme.pk, cast.globex.pk])

        assert [rule.key for rule in rules[cast.globex.pk]] == ["default"]
        default = rules[cast.acme.pk][0]
        assert (default.kinds, default.only_changes, default.to_owner) == (DEFAULT_KINDS, True, True)
        assert (default.tenant_id, default.rule_id, default.channel_ids) == (cast.acme.pk, None, ())

    def test_reads_all_that_a_row_says_and_puts_the_default_first(self, cast: Cast) -> None:
        channel = Channel.objects.create(tenant=cast.acme, name="mail", kind="email")
        mine = Rule.objects.create(
            tenant=cast.acme,
            name="A nightly rule",
            kinds=["failed", "slow"],
            tag="nightly",
            in_row=3,
            only_changes=False,
            severity="critical",
            to_owner=False,
            quiet_from=time(22),
            quiet_until=time(6),
            zone="Europe/Berlin",
            quiet_passes="error",
        )
        mine.users.add(cast.vera, cast.olaf)
        mine.channels.add(channel)
        Rule.objects.create(tenant=cast.acme, name="Z", is_default=True, is_enabled=False, kinds=["failed"])

        default, rule = book.rules_of([cast.acme.pk])[cast.acme.pk]

        assert (default.key, default.is_enabled, default.rule_id is None) == ("default", False, False)
        assert (rule.key, rule.tag, rule.in_row, rule.only_changes) == (str(mine.pk), "nightly", 3, False)
        assert (rule.kinds, rule.severity) == ({Kind.FAILED, Kind.SLOW}, Severity.CRITICAL)
        assert rule.quiet == QuietHours(time(22), time(6), "Europe/Berlin")
        assert (rule.user_ids, rule.channel_ids) == (tuple(sorted([cast.vera.pk, cast.olaf.pk])), (channel.pk,))
        assert rule.severity_of(Kind.SLOW) is Severity.CRITICAL
        assert default.severity_of(Kind.MISSED) is Severity.WARNING
