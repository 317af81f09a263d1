"""The message that Celery itself would send for an execution, as kombu stores it in Redis, made in microseconds.

Held to Celery's own by tests/jobs/backends/test_messages.py, for the releases that requirements.txt pins.
"""

from __future__ import annotations

import json
import os
import uuid
from base64 import b64encode

from celery.utils.nodenames import anon_nodename

BODY = '[[%d], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'


class Writer:
    """Messages for one task in one queue with one priority. Only what differs between two of them is written anew."""

    def __init__(self, task: str, *, queue: str, priority: int) -> None:
        message = {
            "body": "%(body)s",
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": task,
                "id": "%(id)s",
                "shadow": None,
                "eta": None,
                "expires": None,
                "group": None,
                "group_index": None,
                "retries": 0,
                "timelimit": [None, None],
                "root_id": "%(id)s",
                "parent_id": None,
                "argsrepr": "[%(execution)d]",
                "kwargsrepr": "{}",
                "origin": anon_nodename(),
                "ignore_result": True,
                "replaced_task_nesting": 0,
                "stamped_headers": None,
                "stamps": {},
            },
            "properties": {
                "correlation_id": "%(id)s",
                "reply_to": "",  # nobody waits for a result
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": priority,
                "body_encoding": "base64",
                "delivery_tag": "%(id)s",
            },
        }
        self._form = json.dumps(message)

    def write(self, execution_id: int) -> str:
        body = b64encode((BODY % execution_id).encode()).decode()
        unique = uuid.UUID(bytes=os.urandom(16), version=4)
        return self._form % {"body": body, "id": unique, "execution": execution_id}
