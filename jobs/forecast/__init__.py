"""What comes: ticks over many jobs, the work they mean, and how wrong the last forecast was. Every answer is bounded,
and says how far it reaches."""

from jobs.forecast.answer import Forecast, forecast
from jobs.forecast.error import ForecastError, last_error
from jobs.forecast.offset import Collisions, collisions
from jobs.forecast.upcoming import Upcoming, UpcomingTick, upcoming

__all__ = [
    "Collisions",
    "Forecast",
    "ForecastError",
    "Upcoming",
    "UpcomingTick",
    "collisions",
    "forecast",
    "last_error",
    "upcoming",
]
