"""What the page of a job shows under its tabs, a file each."""
