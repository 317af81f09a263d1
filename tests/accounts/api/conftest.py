"""The jobs and executions of the API's own tests."""

from tests.jobs.api.conftest import by_key, job_of, run_of

__all__ = ["by_key", "job_of", "run_of"]
