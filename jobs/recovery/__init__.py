"""Sweeps that find what was lost and put it right."""
