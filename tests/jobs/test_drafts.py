"""Drafts of jobs: kept field by field, with sealed secrets, bounded in number and age."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts import sealing
from jobs import drafts, rotation
from jobs.drafts import Entered
from jobs.models import JobDraft
from jobs.recovery import old_drafts
from templates_registry.models import TemplateVersion
from tests.cast import Cast
from tests.jobs.conftest import database_now


@pytest.fixture
def draft(cast: Cast) -> JobDraft:
    echo = TemplateVersion.objects.get(name="echo")
    return drafts.start(user_id=cast.ana.pk, tenant=cast.acme, template=echo)


def enter(draft: JobDraft, *, seen: int = 0, touched: tuple[str, ...] | None = None, **what: Any) -> drafts.Saved:
    fields = {name: [value] for name, value in what.get("fields", {}).items()}
    parameters = what.get("parameters", {})
    names = (
        *fields,
        *(f"parameters.{name}" for name in parameters),
        *(f"parameters.{n}" for n in what.get("dropped", ())),
    )
    return drafts.save(
        draft.pk,
        Entered(
            seen,
            frozenset(names if touched is None else touched),
            fields,
            parameters,
            frozenset(what.get("dropped", ())),
        ),
    )


class TestTwoTabs:
    def test_keep_what_each_has_written_elsewhere(self, draft: JobDraft) -> None:
        enter(draft, fields={"name": "One", "cron": "0 9 * * *"})
        enter(draft, seen=1, touched=("name",), fields={"name": "Two", "cron": "0 9 * * *"})
        last = enter(draft, seen=1, touched=("cron",), fields={"name": "One", "cron": "0 7 * * *"})
        assert last.draft.fields == {"name": ["Two"], "cron": ["0 7 * * *"]}
        assert (last.replaced, last.kept) == ((), ("name",))

    def test_let_the_last_writer_win_and_know_it(self, draft: JobDraft) -> None:
        enter(draft, fields={"name": "One"})
        enter(draft, seen=1, fields={"name": "Two"})
        last = enter(draft, seen=1, fields={"name": "Three"})
        assert last.draft.fields == {"name": ["Three"]}
        assert (last.replaced, last.kept) == (("name",), ())

    def test_agree_where_both_wrote_the_same(self, draft: JobDraft) -> None:
        enter(draft, fields={"name": "One"})
        again = enter(draft, fields={"name": "One"})
        assert (again.replaced, again.kept, again.draft.version) == ((), (), 1)

    def test_do_not_put_a_default_over_an_entry(self, draft: JobDraft) -> None:
        enter(draft, fields={"queue": "slow"})
        late = enter(draft, seen=0, touched=(), fields={"queue": "default"}, parameters={"text": "hello"})
        assert late.draft.fields == {"queue": ["slow"]}
        assert late.draft.parameters == {"text": "hello"}

    def test_merge_parameters_by_name(self, draft: JobDraft) -> None:
        enter(draft, parameters={"text": "one", "size": 1})
        enter(draft, seen=1, touched=("parameters.text",), parameters={"text": "two", "size": 1})
        last = enter(draft, seen=1, touched=("parameters.size",), parameters={"text": "one"}, dropped=("size",))
        assert last.draft.parameters == {"text": "two"}
        assert last.kept == ("parameters.text",)


class TestSecret:
    def test_is_sealed_and_stays_when_it_is_left_alone(self, draft: JobDraft) -> None:
        enter(draft, parameters={"text": "one", "token": "hunter2"})
        stored = JobDraft.objects.get().parameters["token"]
        assert sealing.is_sealed(stored)
        enter(draft, seen=1, parameters={"text": "two"})
        again = JobDraft.objects.get()
        assert again.parameters == {"text": "two", "token": stored}
        assert drafts.opened(again) == {"text": "two", "token": "hunter2"}

    def test_goes_when_it_is_removed(self, draft: JobDraft) -> None:
        enter(draft, parameters={"token": "hunter2"})
        enter(draft, seen=1, parameters={"token": None})
        assert JobDraft.objects.get().parameters == {}

    def test_moves_to_another_tenant_of_its_owner(self, draft: JobDraft, cast: Cast) -> None:
        enter(draft, parameters={"token": "hunter2"})
        assert drafts.choose(draft.pk, tenant=cast.globex, template=draft.template) == []
        assert drafts.opened(JobDraft.objects.get()) == {"token": "hunter2"}

    def test_moves_to_a_new_key_with_all_others(self, draft: JobDraft) -> None:
        enter(draft, parameters={"token": "hunter2"})
        assert rotation.verify(rotation.DRAFTS).seen == 1


class TestAnotherTemplate:
    def test_keeps_what_fits_and_names_what_does_not(self, draft: JobDraft, cast: Cast) -> None:
        enter(draft, fields={"name": "Kept"}, parameters={"text": "mine", "token": "hunter2"})
        failing = TemplateVersion.objects.get(name="failing")
        assert drafts.choose(draft.pk, tenant=cast.acme, template=failing) == ["text"]
        found = JobDraft.objects.get()
        assert (found.template, found.name, found.parameters) == (failing, "Kept", {})


class TestLimits:
    def test_keep_the_newest_drafts_of_a_user(self, draft: JobDraft, cast: Cast) -> None:
        others = JobDraft(owner=cast.gita, tenant=cast.globex, template=draft.template)
        others.save()
        for _ in range(drafts.MOST_PER_USER):
            drafts.start(user_id=cast.ana.pk, tenant=cast.acme, template=draft.template)
        assert drafts.of(cast.ana.pk).count() == drafts.MOST_PER_USER
        assert not JobDraft.objects.filter(pk=draft.pk).exists()
        assert drafts.of(cast.gita.pk).get() == others

    def test_refuse_what_is_too_long(self, draft: JobDraft) -> None:
        with pytest.raises(drafts.DraftIsTooLarge):
            enter(draft, fields={"description": "x" * drafts.MOST_CHARACTERS})
        assert JobDraft.objects.get().fields == {}

    def test_hold_what_the_database_cannot_in_other_characters(self, draft: JobDraft) -> None:
        enter(
            draft,
            fields={"name": "a\x00b"},
            parameters={"text": "a\x00b", "list\ud800": [{"\x00": "\ud800"}], "token": "\ud800"},
        )
        draft.refresh_from_db()
        assert draft.fields == {"name": ["a\ufffdb"]}
        assert draft.parameters["text"] == "a\ufffdb"
        assert draft.parameters["list?"] == [{"\ufffd": "?"}]

    def test_hold_however_often_parameters_come_and_go(self, draft: JobDraft) -> None:
        for turn in range(3):
            names = [f"{turn} {number}" for number in range(drafts.MOST_GONE)]
            enter(draft, seen=turn, parameters=dict.fromkeys(names, 1), dropped=tuple(draft.parameters))
            draft.refresh_from_db()
        assert len(draft.versions) == 2 * drafts.MOST_GONE
        enter(draft, seen=3, parameters={"x" * 1000: 1}, dropped=tuple(draft.parameters))
        enter(draft, seen=4, dropped=("x" * 1000,))
        draft.refresh_from_db()
        assert (len(draft.versions), draft.parameters) == (drafts.MOST_GONE, {})
        assert {name.split()[0] for name in draft.versions} == {"parameters.2"}

    def test_end_after_two_weeks(self, draft: JobDraft) -> None:
        assert old_drafts.sweep() == 0
        JobDraft.objects.update(updated_at=database_now() - drafts.KEPT - timedelta(seconds=1))
        assert not drafts.of(draft.owner_id).exists()
        assert old_drafts.sweep() == 1

    def test_refuse_to_write_what_is_gone(self, draft: JobDraft) -> None:
        drafts.discard(draft)
        with pytest.raises(drafts.DraftIsGone):
            enter(draft, fields={"name": "Late"})
