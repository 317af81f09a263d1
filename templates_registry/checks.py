"""System checks of the templates."""
