"""Signing in at OpenID Connect providers: what is asked of them, and what is believed of their answers."""
