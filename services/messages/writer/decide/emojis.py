"""What counts as a reaction: one emoji of Unicode, or the name of a custom one."""

import emoji

from shared.errors import invalid


def check_emoji(given: str) -> None:
    """Raise `invalid_input` unless it is one emoji, in any of its presentations, or `:name:`."""
    if not given.startswith(":") and not emoji.is_emoji(given):
        raise invalid("emoji", "must be one emoji, or the name of a custom one such as :party_parrot:")
