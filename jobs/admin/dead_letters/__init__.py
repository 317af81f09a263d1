"""Dead letters, their groups, and their replays."""
