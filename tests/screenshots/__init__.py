"""Pictures of the console for the README and the guide, over a believable history of two months."""
