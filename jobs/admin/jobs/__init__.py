"""The list of jobs, their pages, and what can be done to them."""
