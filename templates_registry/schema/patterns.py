"""Regular expressions of schemas: compiled the way JSON Schema means them, and refused when they can be made to hang.

`re` backtracks: the time it needs grows with the number of ways in which a pattern can read one text. The check counts
those ways on the automaton of the pattern, in bounded time, and never runs the pattern itself.
"""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from templates_registry.schema.time_limit import spend

LONGEST_PATTERN = 500
LONGEST_QUADRATIC_TEXT = 1_000
MOST_FORKS = 6
"""How often in a row a text may be read in two ways before both meet again; each doubles the work."""
WORK = 100_000
"""Steps after which a pattern counts as too complex to judge: about 0.2 s."""

_NO_FLAGS = "flags such as (?i) are not part of JSON Schema"
_TOO_MANY_WAYS = "the pattern can read one text in too many ways; use fewer repetitions that match the same characters"

_parser: Any = importlib.import_module("re._parser")
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_NOT_WORD": r"\W",
}  # fmt: skip
_SAMPLE = "aZ09_ \n\t-.:/@é٠\x00\U0001f600"


class _Refused(Exception):
    """The pattern cannot be allowed; the text says why."""


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """As ECMA 262 has it: `$` matches at the very end only (not before a last newline), and `\\d` is 0 to 9."""
    return re.compile("".join(_end_anchored(pattern)), re.ASCII)


def _end_anchored(pattern: str) -> Iterator[str]:
    in_class, pieces = False, iter(pattern)
    for character in pieces:
        if character == "\\":
            yield character + next(pieces, "")
            continue
        in_class = character == "[" or (in_class and character != "]")
        yield r"\Z" if character == "$" and not in_class else character


def find_pattern_problem(pattern: str, max_length: int | None = None) -> str | None:
    """Why a pattern is refused, or None. `max_length` is the longest text that it will see, when the schema says so."""
    if len(pattern) > LONGEST_PATTERN:
        return f"a pattern may have at most {LONGEST_PATTERN} characters"
    try:
        compile_pattern(pattern)
        tree = _parser.parse(pattern)
        if tree.state.flags & ~re.UNICODE:
            return _NO_FLAGS
        degree = _degree(tree)
    except _Refused as refused:
        return str(refused)
    except (re.error, OverflowError, RecursionError) as error:
        return f"the pattern is not a regular expression ({error})"
    if degree > 2:
        return _TOO_MANY_WAYS
    if degree == 2 and (max_length is None or max_length > LONGEST_QUADRATIC_TEXT):
        return (
            "the pattern is slow on long texts; begin it with ^ and keep repetitions apart, "
            f"or add a maxLength of at most {LONGEST_QUADRATIC_TEXT}"
        )
    return None


@dataclass
class _Automaton:
    """The position automaton: one state per character of the pattern, and how many ways lead from one to the next."""

    characters: str
    masks: list[int] = field(default_factory=list)  # bit i: state reads self.characters[i]
    ways: dict[int, Counter[int]] = field(default_factory=dict)
    work: int = 0

    def add(self, reads: Callable[[str], bool]) -> int:
        self.masks.append(sum(1 << index for index, character in enumerate(self.characters) if reads(character)))
        self.ways[len(self.masks) - 1] = Counter()
        return len(self.masks) - 1

    def spend(self, steps: int = 1) -> None:
        self.work += steps
        spend()
        if self.work > WORK:
            raise _Refused("the pattern is too complex")

    def link(self, lasts: Counter[int], firsts: Counter[int]) -> None:
        self.spend(len(lasts) * len(firsts))
        for last, before in lasts.items():
            for first, after in firsts.items():
                self.ways[last][first] += before * after

    def steps(self, states: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        """Where several runs can go together by reading the same character."""
        found: list[tuple[tuple[int, ...], int]] = [((), -1)]
        for state in states:
            found = [
                ((*taken, target), mask & self.masks[target])
                for taken, mask in found
                for target in self.ways[state]
                if mask & self.masks[target]
            ]
            self.spend(len(found) + 1)
        return (taken for taken, _ in found)

    def reach(self, start: tuple[int, ...], within: frozenset[int]) -> dict[tuple[int, ...], set[tuple[int, ...]]]:
        """The tuples that runs from `start` come to inside `within`, and the tuples they come there from."""
        came_from: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
        waiting, seen = [start], {start}
        while waiting:
            here = waiting.pop()
            for there in self.steps(here):
                if within.issuperset(there):
                    came_from.setdefault(there, set()).add(here)
                    if there not in seen:
                        seen.add(there)
                        waiting.append(there)
        return came_from


@dataclass(frozen=True)
class _Piece:
    """A part of the pattern: states it may begin and end with, and in how many ways it may read nothing."""

    firsts: Counter[int]
    lasts: Counter[int]
    empty: int


def _degree(tree: Any) -> int:
    """1: linear in the text, 2: quadratic, and so on. Raises _Refused when exponential."""
    characters = "".join(sorted({*_SAMPLE, *_named_characters(tree)}))
    automaton = _Automaton(characters)
    degrees = []
    builder = _Builder(automaton)
    whole = builder.sequence(tree, in_loop=False)
    start = automaton.add(lambda _: True)
    automaton.link(Counter({start: 1}), whole.firsts)
    if not _is_anchored(tree):  # a search tries every place to begin
        automaton.link(Counter({start: 1}), Counter({start: 1}))
    degrees.append(_growth(automaton))
    _refuse_forks(automaton, start)
    degrees.extend(_degree(ahead) for ahead in builder.ahead)
    return max(degrees)


def _growth(automaton: _Automaton) -> int:
    loops = _loops(automaton)
    for loop in loops:
        _refuse_exponential(automaton, loop)
    overlaps: dict[int, set[int]] = {index: set() for index in range(len(loops))}
    for one, first in enumerate(loops):
        for other, second in enumerate(loops):
            if one != other and any(_overlap(automaton, p, q) for p in first for q in second):
                overlaps[one].add(other)
    return max((_longest_chain(overlaps, loop) for loop in overlaps), default=1)


def _loops(automaton: _Automaton) -> list[frozenset[int]]:
    """The strongly connected parts that can be run through again and again."""
    everywhere = frozenset(automaton.ways)
    after = {state: _after(automaton, state) for state in everywhere}
    return list(
        {frozenset(other for other in after[one] if one in after[other]) for one in everywhere if one in after[one]}
    )


def _after(automaton: _Automaton, start: int) -> set[int]:
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        for target in automaton.ways[waiting.pop()]:
            automaton.spend()
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def _refuse_exponential(automaton: _Automaton, loop: frozenset[int]) -> None:
    """Two runs that begin in one state, read the same text and end there: each turn doubles the ways."""
    start = min(loop)
    came_from = automaton.reach((start, start), loop)
    back: set[tuple[int, ...]] = set()
    waiting: list[tuple[int, ...]] = [(start, start)]
    while waiting:
        here = waiting.pop()
        for one, other in came_from.get(here, ()):
            if one != other or (here[0] == here[1] and automaton.ways[one][here[0]] > 1):
                raise _Refused("the pattern repeats a repetition, so that some texts would take for ever")
            if (one, other) not in back:
                back.add((one, other))
                waiting.append((one, other))


def _refuse_forks(automaton: _Automaton, start: int) -> None:
    """`(a|a)(a|a)(a|a)` loops nowhere, and still doubles with each pair."""
    everywhere, front = frozenset(automaton.ways), {start}
    for _ in range(MOST_FORKS + 1):
        met = set()
        for state in front:
            for (one, other), before in automaton.reach((state, state), everywhere).items():
                if one == other and any(p != q or automaton.ways[p][one] > 1 for p, q in before):
                    met.add(one)
        front = met
    if front:
        raise _Refused(_TOO_MANY_WAYS)


def _overlap(automaton: _Automaton, p: int, q: int) -> bool:
    """Whether some text can be read all in the loop of p, all in the loop of q, and also across from p to q."""
    if q not in _after(automaton, p):
        return False
    return (p, q, q) in automaton.reach((p, p, q), frozenset(automaton.ways))


def _longest_chain(overlaps: dict[int, set[int]], loop: int) -> int:
    return 1 + max((_longest_chain(overlaps, after) for after in overlaps[loop]), default=0)


class _Builder:
    """Turns the tree of a parsed pattern into the automaton."""

    def __init__(self, automaton: _Automaton) -> None:
        self.automaton = automaton
        self.ahead: list[Any] = []

    def sequence(self, tree: Iterable[tuple[Any, Any]], *, in_loop: bool) -> _Piece:
        whole = _Piece(Counter(), Counter(), 1)
        for operation, argument in tree:
            whole = self._then(whole, self._piece(str(operation), argument, in_loop))
        return whole

    def _then(self, one: _Piece, other: _Piece) -> _Piece:
        self.automaton.link(one.lasts, other.firsts)
        return _Piece(
            one.firsts + _times(other.firsts, one.empty),
            other.lasts + _times(one.lasts, other.empty),
            min(one.empty * other.empty, 2),
        )

    def _piece(self, operation: str, argument: Any, in_loop: bool) -> _Piece:
        if operation in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            state = self.automaton.add(lambda character: _reads(operation, argument, character))
            return _Piece(Counter({state: 1}), Counter({state: 1}), 0)
        if operation == "AT":
            return _Piece(Counter(), Counter(), 1)
        if operation == "SUBPATTERN":
            _, added, removed, tree = argument
            if added or removed:
                raise _Refused(_NO_FLAGS)
            return self.sequence(tree, in_loop=in_loop)
        if operation == "ATOMIC_GROUP":
            return self.sequence(argument, in_loop=in_loop)
        if operation == "BRANCH":
            pieces = [self.sequence(tree, in_loop=in_loop) for tree in argument[1]]
            return _Piece(
                sum((piece.firsts for piece in pieces), Counter()),
                sum((piece.lasts for piece in pieces), Counter()),
                min(sum(piece.empty for piece in pieces), 2),
            )
        if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            return self._repeat(*argument)
        if operation in ("ASSERT", "ASSERT_NOT") and not in_loop:
            self.ahead.append([(_parser.AT, _parser.AT_BEGINNING), *argument[1]])
            return _Piece(Counter(), Counter(), 1)
        raise _Refused("the pattern uses back references, or looks ahead inside a repetition")

    def _repeat(self, least: int, most: int, tree: Any) -> _Piece:
        body = self.sequence(tree, in_loop=most > 1)
        if body.empty and most > 1:
            raise _Refused("the pattern repeats something that may be empty")
        is_fixed = least == most and len(tree) == 1 and str(tree[0][0]) in ("LITERAL", "NOT_LITERAL", "ANY", "IN")
        # Counted repetitions are judged as if they had no end: a little stricter, and the automaton stays small.
        if most > 1 and not is_fixed:
            self.automaton.link(body.lasts, body.firsts)
        return _Piece(body.firsts, body.lasts, 1 if least == 0 else body.empty)


def _times(counter: Counter[int], factor: int) -> Counter[int]:
    return Counter({state: count * factor for state, count in counter.items()}) if factor else Counter()


def _reads(operation: str, argument: Any, character: str) -> bool:
    if operation == "ANY":
        return character != "\n"
    if operation == "IN":
        negated = bool(argument) and str(argument[0][0]) == "NEGATE"
        items = argument[1:] if negated else argument
        return negated != any(_reads(str(item), value, character) for item, value in items)
    if operation == "RANGE":
        return bool(argument[0] <= ord(character) <= argument[1])
    if operation == "CATEGORY":
        return re.match(_CATEGORIES[str(argument)], character, re.ASCII) is not None
    return bool(argument == ord(character)) == (operation == "LITERAL")


def _named_characters(tree: Any) -> Iterator[str]:
    """The characters that a pattern names, and the neighbours of its ranges: enough to tell its classes apart."""
    for operation, argument in tree:
        name = str(operation)
        if name in ("LITERAL", "NOT_LITERAL"):
            yield chr(argument)
        elif name == "RANGE":
            yield from (chr(code) for end in argument for code in (end - 1, end, end + 1) if 0 <= code < 0x110000)
        elif name == "IN":
            yield from _named_characters(argument)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _named_characters(branch)
        elif name in ("SUBPATTERN", "MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT", "ASSERT", "ASSERT_NOT"):
            yield from _named_characters(argument[-1])
        elif name == "ATOMIC_GROUP":
            yield from _named_characters(argument)


def _is_anchored(tree: Any) -> bool:
    for operation, argument in tree:
        name = str(operation)
        if name == "AT":
            return str(argument) in ("AT_BEGINNING", "AT_BEGINNING_STRING")
        if name == "SUBPATTERN":
            return _is_anchored(argument[3])
        if name == "BRANCH":
            return all(_is_anchored(branch) for branch in argument[1])
        return False
    return False
