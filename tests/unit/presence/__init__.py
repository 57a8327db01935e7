"""Presence without Redis: the pure rules."""
