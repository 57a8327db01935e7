"""Search: words cut in Python, found by PostgreSQL, indexed after the commit.

`commands/search.py` answers, `indexer.py` fills; `docs/search.md` says how it works.
"""

from services.messages.search.indexer import Indexer

__all__ = ["Indexer"]
