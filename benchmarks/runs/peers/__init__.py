"""The peers as their documentation sets them up: nothing of this project is imported here but the journal."""
