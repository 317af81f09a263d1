"""What surrounds every page of the console: navigation, search, what a viewer chooses, errors, notices."""
