"""What is due and what follows from it: plain Python that knows no framework and no database."""
