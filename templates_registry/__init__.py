"""What can be run: job templates, the schemas of their parameters, and the forms made from them."""
