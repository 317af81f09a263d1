"""What the whole API keeps to, found by walking its routes and its document, so that nothing new is left out."""
