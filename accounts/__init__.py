"""Who may do what: tenants, memberships, API keys."""
