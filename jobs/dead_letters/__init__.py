"""Dead letters: what ended without success and waits for a person. Find, replay (one or staged), discard, restore."""

from jobs.dead_letters.discarding import LONGEST_NOTE, discard, discard_group, restore
from jobs.dead_letters.errors import (
    CannotReplay,
    CountHasChanged,
    LetterIsNotDiscarded,
    LetterIsNotOpen,
    NoOpenLetters,
    ReplayHasEnded,
)
from jobs.dead_letters.groups import Group, find, group_of, grouped, groups, open_in_group_of
from jobs.dead_letters.replaying import close_ended, judged, replay
from jobs.dead_letters.staged import MOST, Progress, advance, cancel, progress_of, stage_sizes, start

__all__ = [
    "LONGEST_NOTE",
    "MOST",
    "CannotReplay",
    "CountHasChanged",
    "Group",
    "LetterIsNotDiscarded",
    "LetterIsNotOpen",
    "NoOpenLetters",
    "Progress",
    "ReplayHasEnded",
    "advance",
    "cancel",
    "close_ended",
    "discard",
    "discard_group",
    "find",
    "group_of",
    "grouped",
    "groups",
    "judged",
    "open_in_group_of",
    "progress_of",
    "replay",
    "restore",
    "stage_sizes",
    "start",
]
