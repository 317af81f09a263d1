"""Fixtures of all tests."""

pytest_plugins = ["tests.cast", "tests.circuits", "tests.own_servers"]
