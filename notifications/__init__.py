"""Who hears about what happens, and how. It reads what the engine has recorded; the engine knows nothing of it."""
