"""What the path, the method and the headers of a request tell before anything is looked up."""

from __future__ import annotations

API_PATHS = ("/api/", "/v1/")
READERS = ("GET", "HEAD", "OPTIONS")  # methods
TENANT_HEADER = "X-Tenant"
