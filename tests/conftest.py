"""Fixtures of all tests."""

pytest_plugins = ["tests.cast", "tests.own_servers"]
