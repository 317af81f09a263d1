"""The form that changes a job: its fields, its parameters, its schedule's preview."""
