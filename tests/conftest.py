"""Fixtures of all tests."""

pytest_plugins = [
    "tests.cast",
    "tests.circuits",
    "tests.emptying",
    "tests.order",
    "tests.own_servers",
    "tests.standing_still",
    "tests.static_files",
]
