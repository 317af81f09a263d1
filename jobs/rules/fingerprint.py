"""The fingerprint of an error: the same for errors of one cause, whatever numbers, names and times stand in them."""

from __future__ import annotations

import re
from hashlib import blake2b
from pathlib import Path

from jobs.rules.states import AttemptOutcome

LENGTH = 32
READ = 10_000  # characters of a message that are looked at
KEPT = 300  # characters of what is left of it
GAP = "#"

# What stands for something else in each error. One pass, the first that fits wins, so that none spoils another. Each
# begins where a word begins, or a long word would be read again from every letter of it.
VARIABLE = re.compile(
    r"""
      (?<!\w)'(?:(?!'(?!\w)).){0,300}'(?!\w)                        # quoted values, which may hold apostrophes
    | (?<!\w)"[^"]{0,300}"(?!\w) | `[^`]{0,300}` | “[^”]{0,300}” | «[^»]{0,300}»
    | (?<![\w.+-])[\w.+-]{1,100}@[\w.+-]*\w                         # e-mail addresses, and workers
    | (?<=/tmp/)[^\s/]+ | (?<=/home/)[^\s/]+ | (?<=/Users/)[^\s/]+  # folders of one time, of one person
    | (?<!\w)(?:(?:mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:day)?,?[ ]+)?(?:\d{1,2}\.?[ ]+)?
      (?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?
      |nov(?:ember)?|dec(?:ember)?)[ ]+[+-]?\d(?:[\w.,:+%-]*[\w%])?   # dates with the name of a month
    | (?<![\w-])[a-f]{8,}(?![\w-])                                  # keys without a digit
    | (?<![\w+-])[\w+-]*\d(?:[\w.,:+%-]*[\w%])?                    # all that has a digit: numbers, ids, dates, UUIDs
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
LIST_OF_GAPS = re.compile(rf"{GAP}(?:[\s,;:/.|-]*{GAP})+")

FRAME = re.compile(r'^[ |+]*File "([^"\n]+)", line \d+, in (.+)$', re.MULTILINE)
OUTERMOST = "Traceback (most recent call last):"
# Files that are nobody's own: installed packages, the standard library, and what runs the templates.
FOREIGN = re.compile(r"/(?:site|dist)-packages/|/lib(?:64)?/python\d|^<")
PROJECT = Path(__file__).parents[2]
OURS = tuple(f"{PROJECT / folder}/" for folder in ("jobs/execution", "scheduler_project/lib"))

# How these ended says it all: where the time ran out, or who saw that the worker was gone, differs each time.
SPEAKING = (AttemptOutcome.TIMED_OUT, AttemptOutcome.LOST)


def fingerprint(outcome: AttemptOutcome, *, error_class: str, message: str, place: str) -> str:
    """Made of the class of the error, of what is the same in its message each time, and of where it was raised."""
    parts = [outcome.value] if outcome in SPEAKING else [error_class, normalised(message), place]
    return blake2b("\n".join(parts).encode(), digest_size=LENGTH // 2).hexdigest()


def normalised(message: str) -> str:
    """The message without what another error of the same cause would say differently."""
    text = VARIABLE.sub(GAP, message[:READ])
    return " ".join(LIST_OF_GAPS.sub(GAP, text).split())[:KEPT]


def innermost_place(traceback: str) -> str:
    """File and function of the innermost frame of the template's own code; of the error that was raised last.

    Without the line, which moves with every edit, and with the last two names of the path, since the code may be
    installed elsewhere tomorrow.
    """
    frames = FRAME.findall(traceback.rpartition(OUTERMOST)[2])
    own = [(path, function) for path, function in frames if not (FOREIGN.search(path) or path.startswith(OURS))]
    if not own:
        return ""
    path, function = own[-1]
    return f"{'/'.join(path.rsplit('/', 2)[-2:])} in {function}"
