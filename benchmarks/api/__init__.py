"""The REST API under many clients at once, over a long history: how soon a submission and a list are answered."""
