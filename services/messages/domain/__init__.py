"""The rules of rooms and messages, pure: no I/O, no clock, no randomness."""
