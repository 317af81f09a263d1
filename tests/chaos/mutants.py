"""All mutants by name, and the ways to run with some of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from unittest import mock

from scheduler_project.lib import sql
from tests.chaos.mutant import Mutant
from tests.chaos.run_mutants import RUN_MUTANTS
from tests.chaos.tick_mutants import TICK_MUTANTS

MUTANTS: dict[str, Mutant] = {**TICK_MUTANTS, **RUN_MUTANTS}


def named() -> list[str]:
    """Those that the run is to be made with."""
    names = [name for name in os.environ.get("CHAOS_MUTANTS", "").split(",") if name]
    if unknown := set(names) - set(MUTANTS):
        raise LookupError(f"There is no mutant {', '.join(unknown)}; there are {', '.join(MUTANTS)}.")
    return names


def prepare_database(names: Sequence[str]) -> None:
    for name in names:
        if MUTANTS[name].schema:
            sql.script(MUTANTS[name].schema)


@contextmanager
def mutated(names: Sequence[str]) -> Iterator[None]:
    """Meanwhile these barriers are away, in this process and its database."""
    with ExitStack() as stack:
        for name in names:
            for target, attribute, value in MUTANTS[name].patches():
                stack.enter_context(mock.patch.object(target, attribute, value))
        prepare_database(names)
        yield
