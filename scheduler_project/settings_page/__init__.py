"""The page of settings: what is in force and where it comes from, the switches, and whether everything works."""

from scheduler_project.settings_page.page import urls

__all__ = ["urls"]
