"""An app as users write them, with job templates for the tests."""
