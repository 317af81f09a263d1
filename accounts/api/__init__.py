"""The API of accounts: keys, tokens, tenants, members."""
