from __future__ import annotations

import pytest

from notifications.rules import wording
from notifications.rules.kinds import Kind


class TestTitles:
    def test_take_names_as_they_are_but_for_the_place_of_the_count(self) -> None:
        assert wording.title(Kind.FAILED, "Sync {eu}") == "Sync {eu} failed"
        many = wording.title_many(Kind.FAILED, "Sync {count}")
        assert many.replace("{count}", "6") == "Sync (count) failed 6 times"

    def test_cut_long_names(self) -> None:
        assert wording.title(Kind.FAILED, "x" * 101) == f"{'x' * 99}\N{HORIZONTAL ELLIPSIS} failed"

    @pytest.mark.parametrize(
        ("number", "words"),
        [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (1021, "1,021st")],
    )
    def test_count_as_people_do(self, number: int, words: str) -> None:
        assert wording.ordinal(number) == words


def test_types_say_what_they_are_of() -> None:
    assert [wording.type_of(kind) for kind in (Kind.FAILED, Kind.WORKER)] == ["job.failed", "system.worker"]
