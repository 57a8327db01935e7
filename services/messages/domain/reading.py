"""Read marks and what is unread: numbers in, numbers out."""


def count_unread(last_seq: int, read_seq: int, own_above: int) -> int:
    """Return how many messages of others lie above the mark; deleted ones count until passed."""
    return max(0, last_seq - read_seq - own_above)


def moves(read_seq: int, seq: int, *, is_exact: bool) -> bool:
    """Whether marking `seq` changes a mark: forward only, unless it is set exactly."""
    return seq != read_seq if is_exact else seq > read_seq
