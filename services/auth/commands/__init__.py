"""One handler per command of the auth service: signing in, logins, profiles, calls of other services."""
