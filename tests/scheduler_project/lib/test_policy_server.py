"""Decisions of a policy server: what it answers, and what becomes of answers that are none."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from scheduler_project.embedded.processes import free_port
from scheduler_project.lib.fuse import Fuse
from scheduler_project.lib.policy_server import FAILURES, Decision, PolicyServer, PolicyUnavailable
from tests import policy_servers
from tests.policy_servers import Policy, body, result


@pytest.fixture
def policy() -> Iterator[Policy]:
    with policy_servers.serve() as policy:
        yield policy


def test_says_yes_or_no_in_each_of_its_forms_over_one_connection(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # is not asked
    server = PolicyServer(policy.url, seconds=2)
    undefined = Decision(False, "The policy has no decision for this.")
    for behaviour, decision in (
        (result(True), Decision(True)),
        (result(False), Decision(False)),
        (result({"allow": True}), Decision(True)),
        (result({"allow": False, "reason": "Not on Fridays."}), Decision(False, "Not on Fridays.")),
        (result({"allow": False, "reason": "x" * 9_000}), Decision(False, "x" * 500)),
        (result({"allow": False, "reason": ["x"]}), Decision(False)),
        (body(b"{}"), undefined),
    ):
        policy.behaviour = behaviour
        assert server.decide({"method": "POST"}) == decision
    assert policy.asked[0] == {"method": "POST"}
    assert len(policy.connections) == 1


def test_that_misbehaves_gives_no_decision_and_is_not_waited_for(policy: Policy) -> None:
    for behaviour, message in (
        (policy_servers.silence(1), "in time"),
        (policy_servers.dripping, "in time"),
        (policy_servers.without_end, "larger than"),
        (body(b"{}", status=500), "status 500"),
        (body(b'{"result": true}', status=302), "status 302"),
        (body(b"<html>"), "not JSON"),
        (body(b"[" * 30_000), "not JSON"),
        (body(b"[]"), "not an object"),
        (result("true"), "neither true nor false"),
        (result({"allow": 1}), "neither true nor false"),
        (body(b" " * 70_000 + b'{"result": true}'), "larger than"),
    ):
        policy.behaviour = behaviour
        server = PolicyServer(policy.url, seconds=0.2)
        began = time.monotonic()
        with pytest.raises(PolicyUnavailable, match=message):
            server.decide({})
        assert time.monotonic() - began < 0.9


def test_that_is_gone_is_not_asked_for_a_while(policy: Policy) -> None:
    policy.behaviour = policy_servers.silence(0.3)
    server = PolicyServer(policy.url, seconds=0.1)
    for _ in range(FAILURES):
        with pytest.raises(PolicyUnavailable, match="in time"):
            server.decide({})
    asked = len(policy.asked)
    began = time.monotonic()
    for _ in range(50):
        with pytest.raises(PolicyUnavailable, match="a moment ago"):
            server.decide({})
    assert time.monotonic() - began < 0.1
    assert len(policy.asked) == asked


def test_that_nobody_runs_gives_no_decision() -> None:
    with pytest.raises(PolicyUnavailable, match="cannot be reached"):
        PolicyServer(f"http://127.0.0.1:{free_port()}/", seconds=0.5).decide({})


def test_that_was_restarted_is_asked_over_a_new_connection(policy: Policy) -> None:
    server = PolicyServer(policy.url, seconds=1)

    def closing(handler: object) -> None:
        result(True)(handler)  # type: ignore[arg-type]
        handler.close_connection = True  # type: ignore[attr-defined]  # without having said so

    policy.behaviour = closing
    for _ in range(3):
        assert server.decide({}).is_allowed
        time.sleep(0.02)
    assert len(policy.connections) == 3


class TestFuse:
    def test_lets_one_try_after_its_rest(self) -> None:
        now = [0.0]
        fuse = Fuse(failures=2, rest=5, clock=lambda: now[0])
        assert [fuse.failed(), fuse.admits(), fuse.failed(), fuse.admits()] == [False, True, True, False]
        now[0] = 5.0
        assert [fuse.admits(), fuse.admits()] == [True, False]
        fuse.failed()
        now[0] = 9.9
        assert not fuse.admits()
        now[0] = 10.0
        assert fuse.admits()
        fuse.succeeded()
        assert fuse.admits()
        assert fuse.admits()
