"""Keyword alerts: a bot that writes to people when a word comes up that they care about."""
