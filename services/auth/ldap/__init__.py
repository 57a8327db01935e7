"""Signing in with the password of a directory: LDAP, an optional extra."""
