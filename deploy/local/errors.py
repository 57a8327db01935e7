"""The one error of `chatcraft`: a sentence for the person at the terminal, never a traceback."""


class StartError(Exception):
    """Something outside this program is in the way. The text says what, and what to do about it."""
