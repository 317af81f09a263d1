"""Circuit breakers around what leaves the machine: after some failures in a row, nobody calls for a while."""

from scheduler_project.lib.circuits.breaker import Circuit, CircuitOpen, State, call, find, reset

__all__ = ["Circuit", "CircuitOpen", "State", "call", "find", "reset"]
