"""Routes of probes and scrapes. They need no login and no host name, so that they can be called by address."""

from django.urls import path

from scheduler_project import health
from scheduler_project.observability import metrics

urlpatterns = [
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("health/system", health.system, name="health-system"),
    path("metrics", metrics.scrape, name="metrics"),
    path("api/v1/health", health.system),
    path("v1/health", health.system),
    # Names of the Spring world, for what already points there.
    path("actuator/health", health.system),
    path("actuator/health/liveness", health.live),
    path("actuator/health/readiness", health.ready),
    path("actuator/prometheus", metrics.scrape),
]
