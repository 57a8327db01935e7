"""Benchmarks: the running system under load, with the limit or the peer measured in the same run."""
