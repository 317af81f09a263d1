"""The true planner on a virtual clock: the ledger that some jobs would have. Writes nothing.

`simulate` is plain Python; only `source` reads the database.
"""

from jobs.simulation.engine import Recorded, Simulated, SimulatedJob, simulate
from jobs.simulation.leading import Lead, Outage

__all__ = ["Lead", "Outage", "Recorded", "Simulated", "SimulatedJob", "simulate"]
