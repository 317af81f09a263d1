"""How execution ids reach those who run them."""
