"""Many ticks due in the same second: how late the last one is published, beside stock django-celery-beat."""
