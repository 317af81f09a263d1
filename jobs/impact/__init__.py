"""What a change of a job would do, told before it is saved; and the choice of what to do with what was missed."""

from jobs.impact.assessment import Impact, assess
from jobs.impact.catching_up import change, enable, resume
from jobs.impact.missed import CHOICES, Missed
from jobs.impact.proposal import ACTIONS, Proposal, propose_action, propose_change

__all__ = [
    "ACTIONS",
    "CHOICES",
    "Impact",
    "Missed",
    "Proposal",
    "assess",
    "change",
    "enable",
    "propose_action",
    "propose_change",
    "resume",
]
