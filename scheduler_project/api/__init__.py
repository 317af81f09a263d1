"""Foundations of the REST API: who calls, what they may do, which rows they see, how errors and pages look."""
