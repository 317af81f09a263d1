"""Fixtures of the frame's tests: signed-in members of the cast, jobs and executions."""

from __future__ import annotations

from tests.jobs.admin.conftest import as_ana, as_gita, as_root, as_vera, job_of, run_of, sign_in

__all__ = ["as_ana", "as_gita", "as_root", "as_vera", "job_of", "run_of", "sign_in"]
