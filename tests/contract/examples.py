"""`python -m tests.contract.examples`: writes what the OpenAPI document shows of each request and answer, by asking."""

from __future__ import annotations

import sys

import pytest


def main() -> int:
    # A run of its own begins with empty tables, so that ids are the same each time.
    wishes = ["tests/contract/asked.py", "-o", "python_functions=written_out", "-q", "-p", "no:cacheprovider"]
    return pytest.main(wishes)


if __name__ == "__main__":
    sys.exit(main())
