"""A ChatCraft of many processes on one machine, behind one HAProxy: see `cluster.py`."""
