"""Fixtures of the console's tests: signed-in members of the cast, and jobs."""

from tests.jobs.admin.conftest import as_ana, as_gita, as_olaf, as_root, as_vera, job_of, run_of, sign_in

__all__ = ["as_ana", "as_gita", "as_olaf", "as_root", "as_vera", "job_of", "run_of", "sign_in"]
