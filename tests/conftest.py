"""Fixtures of all tests."""

pytest_plugins = ["tests.audit_trail", "tests.cast", "tests.circuits", "tests.own_servers", "tests.standing_still"]
