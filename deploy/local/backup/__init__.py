"""`chatcraft backup` and `chatcraft restore`: one file that holds the whole database at one moment."""
