"""One handler per command of the auth service: signing in, accounts, profiles, calls of other services."""
