"""`python -m tests.contract.fuzz --requests 20000`: the test of the whole API with many more requests."""

from __future__ import annotations

import argparse
import os
import sys

import pytest

OPERATIONS = 110  # about; two callers each
COVERAGE = 8_500  # what one caller sends before anything is drawn by chance


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="about how many to send")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)), help="repeats a run")
    parser.add_argument("--seconds", type=int, default=0, help="stop after about as many")
    wishes = parser.parse_args()
    by_chance = wishes.requests // 2 - COVERAGE
    os.environ["FUZZ_EXAMPLES"] = str(max(1, by_chance // OPERATIONS))
    os.environ["FUZZ_SECONDS"] = str(wishes.seconds // 2)
    os.environ["FUZZ_SEED"] = str(wishes.seed)
    print(f"The seed is {wishes.seed}.")
    return pytest.main(["tests/contract/test_schemathesis.py", "-q", "--show-capture=no"])


if __name__ == "__main__":
    sys.exit(main())
