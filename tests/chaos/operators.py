"""People at work meanwhile: they change, pause, run, cancel and archive jobs through the API while ticks fire."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.chaos import workload

PACE = 0.5  # seconds between two deeds
KEEP = 30  # jobs that are never archived
DEEDS = {
    "run": 25, "cancel": 15, "change_schedule": 15, "change_policies": 10, "pause": 8, "resume": 12, "disable": 5,
    "enable": 8, "make": 4, "archive": 3,
}  # fmt: skip


class Operators(threading.Thread):
    """What they were told had been done is remembered, to be looked for afterwards."""

    def __init__(self, *, port: int, key: str, jobs: list[int], journal: Path, seed: int) -> None:
        super().__init__(name="operators", daemon=True)
        self.acknowledged: list[tuple[str, int, int]] = []
        self.deeds: Counter[str] = Counter()
        self.failures = 0
        self.refusals: Counter[int] = Counter()
        self._port, self._key, self._jobs, self._journal = port, key, jobs, journal
        self._random = random.Random(f"operators {seed}")
        self._runs: list[int] = []
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(PACE):
            deed = self._random.choices(list(DEEDS), list(DEEDS.values()))[0]
            try:
                if getattr(self, f"_{deed}")(self._random.choice(self._jobs)):
                    self.deeds[deed] += 1
            except (OSError, HTTPException, ValueError):
                self.failures += 1  # nobody was told anything

    def stop(self) -> None:
        self._ended.set()
        self.join(15)

    def _run(self, job: int) -> bool:
        answer = self._ask("POST", f"jobs/{job}/run", {})
        if answer is None:
            return False
        self._runs = [*self._runs[-20:], answer["id"]]
        self.acknowledged.append(("execution", answer["id"], 0))
        return True

    def _cancel(self, job: int) -> bool:
        found = self._ask("GET", f"jobs/{job}/executions?limit=5")
        runs = [row["id"] for row in (found or {}).get("results", []) if row["status"] in ("queued", "running")]
        return bool(runs) and self._ask("POST", f"executions/{runs[0]}/cancel", {}) is not None

    def _change_schedule(self, job: int) -> bool:
        return self._revise("PATCH", f"jobs/{job}", {"schedule": workload.changed_schedule(self._random)})

    def _change_policies(self, job: int) -> bool:
        return self._revise("PATCH", f"jobs/{job}", {"policies": workload.changed_policies(self._random)})

    def _pause(self, job: int) -> bool:
        return self._revise("POST", f"jobs/{job}/pause", {})

    def _resume(self, job: int) -> bool:
        return self._revise("POST", f"jobs/{job}/resume", {})

    def _disable(self, job: int) -> bool:
        return self._revise("POST", f"jobs/{job}/disable", {})

    def _enable(self, job: int) -> bool:
        return self._revise("POST", f"jobs/{job}/enable", {})

    def _make(self, job: int) -> bool:
        number = int(time.time() * 1000)
        return self._revise("POST", "jobs", workload.another(self._random, self._journal, number))

    def _archive(self, job: int) -> bool:
        if len(self._jobs) <= KEEP or self._ask("DELETE", f"jobs/{job}") is None:
            return False
        self._jobs.remove(job)
        self.acknowledged.append(("archive", job, 0))
        return True

    def _revise(self, method: str, path: str, body: dict[str, Any]) -> bool:
        answer = self._ask(method, path, body)
        if answer is None:
            return False
        self.acknowledged.append(("revision", answer["id"], answer["revision"]))
        if answer["id"] not in self._jobs:
            self._jobs.append(answer["id"])
        return True

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The answer, or None when it was refused."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=8)
        try:
            connection.request(
                method,
                f"/api/v1/{path}",
                None if body is None else json.dumps(body),
                {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            self.refusals[response.status] += 1
            return None
        return json.loads(text) if text else {}
