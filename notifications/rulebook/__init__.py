"""The rules of tenants: reading them, and changing them."""
